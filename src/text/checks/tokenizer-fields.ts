/** Reads and checks the fields of an object in `tokenizer.json`. Errors say where they were, what was found and what was expected. */
import { FormatError, UnsupportedError } from "../../base/errors.ts";

const MAX_DEPTH = 32;

export class Fields {
  /** The file and the path in it: `model/tokenizer.json: decoder.decoders[1]`. */
  readonly where: string;
  readonly #node: Readonly<Record<string, unknown>>;
  readonly #file: string;
  readonly #path: string;
  readonly #depth: number;

  /** @throws FormatError for anything but an object. */
  constructor(value: unknown, file: string, path: string, depth = 0) {
    this.#file = file;
    this.#path = path;
    this.#depth = depth;
    this.where = path === "" ? file : `${file}: ${path}`;
    if (depth > MAX_DEPTH)
      throw new FormatError(file, `${path.slice(0, 60)}...: found steps nested more than ${MAX_DEPTH} deep`);
    if (!isObject(value))
      throw new FormatError(file, `${path || "the file"}: found ${kindOf(value)}, expected an object`);
    this.#node = value;
  }

  raw(key: string): unknown {
    return Object.hasOwn(this.#node, key) ? this.#node[key] : undefined;
  }

  isAbsent(key: string): boolean {
    return this.raw(key) === undefined || this.raw(key) === null;
  }

  /** @param fallback the value of a field that is missing or null; without it the field must be there. */
  string(key: string, fallback?: string): string {
    return this.#read(key, fallback, "a string", (value) => typeof value === "string");
  }

  boolean(key: string, fallback?: boolean): boolean {
    return this.#read(key, fallback, "true or false", (value) => typeof value === "boolean");
  }

  integer(key: string, fallback?: number): number {
    const isSize = (value: unknown) => Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 31;
    return this.#read(key, fallback, "a whole number from 0", isSize);
  }

  /** One character, as Python and Rust count them. */
  character(key: string, fallback?: string): string {
    const isOne = (value: unknown) => typeof value === "string" && [...value].length === 1;
    return this.#read(key, fallback, "one character", isOne);
  }

  /** @throws UnsupportedError for a string that is not one of `names`. */
  oneOf<Name extends string>(key: string, names: readonly Name[], fallback?: Name): Name {
    const name = this.string(key, fallback);
    if (names.includes(name as Name)) return name as Name;
    throw new UnsupportedError(this.where, `the ${key} ${JSON.stringify(name)}`, names);
  }

  object(key: string): Fields {
    return new Fields(this.raw(key), this.#file, this.#child(key), this.#depth + 1);
  }

  /** Missing and null are undefined. */
  optionalObject(key: string): Fields | undefined {
    return this.isAbsent(key) ? undefined : this.object(key);
  }

  array(key: string): readonly unknown[] {
    return this.#read<readonly unknown[]>(key, undefined, "an array", Array.isArray);
  }

  objects(key: string): Fields[] {
    const child = (value: unknown, i: number) =>
      new Fields(value, this.#file, `${this.#child(key)}[${i}]`, this.#depth + 1);
    return Array.from(this.array(key), child);
  }

  entries(): [string, unknown][] {
    return Object.entries(this.#node);
  }

  /** The error for a field, here or within it: `["b"]`, `[3]`. */
  error(key: string, found: string, expected: string): FormatError {
    return new FormatError(this.#file, `${this.#child(key)}: found ${found}, expected ${expected}`);
  }

  #read<T>(key: string, fallback: T | undefined, expected: string, isRight: (value: unknown) => boolean): T {
    const value = this.raw(key);
    if (isRight(value)) return value as T;
    if (fallback !== undefined && this.isAbsent(key)) return fallback;
    throw this.error(key, kindOf(value), expected);
  }

  #child(key: string): string {
    return this.#path === "" || key.startsWith("[") ? `${this.#path}${key}` : `${this.#path}.${key}`;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function kindOf(value: unknown): string {
  if (value === undefined) return "nothing";
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (typeof value === "object") return "an object";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
