/** Strict JSON (RFC 8259) for untrusted files: no duplicate keys, no prototypes, limits on size and depth. */

import { FormatError } from "./errors.ts";
import { markFloat } from "./json-floats.ts";

export type JsonValue = string | number | boolean | null | JsonObject | readonly JsonValue[];

/** Without a prototype: `__proto__` and `constructor` are keys like any other. */
export interface JsonObject {
  readonly [key: string]: JsonValue;
}

export interface JsonLimits {
  readonly maxBytes: number;
  readonly maxDepth: number;
}

/** Configurations and tokenizers: the largest known tokenizer.json has 35 MB. */
export const JSON_LIMITS: JsonLimits = { maxBytes: 100_000_000, maxDepth: 64 };

/**
 * Limit on the memory of a parsed document, in units of about 16 bytes: a text such as `[[],[],...` would otherwise grow a
 * hundredfold. The largest known tokenizer.json takes 6 million units.
 */
const MAX_UNITS = 12_000_000;
const UNITS = { value: 1, array: 12, object: 16 } as const;

/** Parses UTF-8 bytes; `where` names the file in errors. */
export function parseJsonBytes(bytes: Uint8Array, where: string, limits: JsonLimits = JSON_LIMITS): JsonValue {
  if (bytes.byteLength > limits.maxBytes)
    throw new FormatError(where, `found ${bytes.byteLength} bytes of JSON, expected at most ${limits.maxBytes}`);
  let text: string;
  try {
    // A view on shared wasm memory cannot be decoded, a copy can.
    const plain = bytes.buffer instanceof ArrayBuffer ? bytes : bytes.slice();
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(plain);
  } catch (cause) {
    throw new FormatError(where, "found bytes that are not UTF-8, expected JSON", { cause });
  }
  return parseJson(text, where, limits);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

export function asObject(value: JsonValue | undefined, where: string): JsonObject {
  if (isObject(value)) return value;
  throw new FormatError(where, `found ${describeJson(value)}, expected a JSON object`);
}

/** A value as an error sentence shows it: short, and never a whole file. */
export function describeJson(value: JsonValue | undefined): string {
  if (value === undefined) return "nothing";
  if (Array.isArray(value)) return "an array";
  if (isObject(value)) return "an object";
  const shown = JSON.stringify(value);
  return shown.length > 60 ? `${shown.slice(0, 57)}...` : shown;
}

/** A text as an error sentence shows it: in quotes, and never a whole file. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 97)}...` : text);
}

/** @param line what errors count lines from: for a text that is one line of a file, the number of that line. */
export function parseJson(text: string, where: string, limits: JsonLimits = JSON_LIMITS, line = 1): JsonValue {
  if (text.length > limits.maxBytes)
    throw new FormatError(where, `found ${text.length} characters of JSON, expected at most ${limits.maxBytes}`);
  return new Parser(text, where, limits.maxDepth, line).document();
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  "\\": "\\",
  "/": "/",
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
};
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

/** A recursive descent parser; `#at` is the index of the next character. */
class Parser {
  readonly #text: string;
  readonly #where: string;
  readonly #maxDepth: number;
  readonly #firstLine: number;
  #at = 0;
  #units = 0;
  /** Whether the last number was spelled as a float. */
  #isFloat = false;

  constructor(text: string, where: string, maxDepth: number, firstLine: number) {
    this.#text = text;
    this.#where = where;
    this.#maxDepth = maxDepth;
    this.#firstLine = firstLine;
  }

  document(): JsonValue {
    const value = this.#value(0);
    this.#space();
    if (this.#at < this.#text.length) throw this.#error("the end of the document");
    return value;
  }

  #value(depth: number): JsonValue {
    this.#space();
    const first = this.#text[this.#at];
    this.#count(first === "{" ? UNITS.object : first === "[" ? UNITS.array : UNITS.value);
    if (first === '"') return this.#string();
    if (first === "{") return this.#object(this.#deeper(depth));
    if (first === "[") return this.#array(this.#deeper(depth));
    if (first === "t") return this.#word("true", true);
    if (first === "f") return this.#word("false", false);
    if (first === "n") return this.#word("null", null);
    return this.#number();
  }

  #child(holder: object, key: string | number, depth: number): JsonValue {
    const value = this.#value(depth);
    if (Number.isInteger(value) && this.#isFloat) markFloat(holder, String(key));
    return value;
  }

  #count(units: number): void {
    this.#units += units;
    if (this.#units > MAX_UNITS) throw this.#error("fewer of them in one document", "too many values");
  }

  #object(depth: number): JsonObject {
    const object: Record<string, JsonValue> = Object.create(null);
    this.#at++;
    if (this.#skip("}")) return object;
    do {
      this.#space();
      const start = this.#at;
      if (this.#text.charCodeAt(start) !== QUOTE) throw this.#error("a quoted key");
      const key = this.#string();
      if (key in object) {
        this.#at = start;
        throw this.#error("each key once", `the key ${describeJson(key)} a second time`);
      }
      this.#expect(":");
      object[key] = this.#child(object, key, depth);
    } while (this.#skip(","));
    this.#expect("}");
    return object;
  }

  #array(depth: number): JsonValue[] {
    const array: JsonValue[] = [];
    this.#at++;
    if (this.#skip("]")) return array;
    do array.push(this.#child(array, array.length, depth));
    while (this.#skip(","));
    this.#expect("]");
    return array;
  }

  #string(): string {
    const text = this.#text;
    let start = ++this.#at;
    let value = "";
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code === QUOTE) break;
      if (code === BACKSLASH) {
        value += text.slice(start, this.#at) + this.#escape();
        start = this.#at;
      } else if (code >= 0x20) this.#at++;
      else throw this.#error("a closing quote"); // control character, or NaN at the end of the text
    }
    value += text.slice(start, this.#at++);
    return value;
  }

  #escape(): string {
    const letter = this.#text[this.#at + 1] ?? "";
    const plain = ESCAPES[letter];
    if (plain !== undefined) {
      this.#at += 2;
      return plain;
    }
    const hex = this.#text.slice(this.#at + 2, this.#at + 6);
    if (letter !== "u" || !/^[0-9a-fA-F]{4}$/.test(hex)) throw this.#error("an escape sequence that JSON knows");
    this.#at += 6;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #number(): number {
    NUMBER.lastIndex = this.#at;
    const digits = NUMBER.exec(this.#text)?.[0];
    if (digits === undefined) throw this.#error("a JSON value");
    const value = Number(digits);
    if (!Number.isFinite(value)) throw this.#error("a number that fits 64 bits of floating point", digits.slice(0, 40));
    this.#isFloat = /[.eE]/.test(digits);
    this.#at += digits.length;
    return value;
  }

  #word<T>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#error("a JSON value");
    this.#at += word.length;
    return value;
  }

  #space(): void {
    const text = this.#text;
    for (;;) {
      const code = text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at++;
    }
  }

  #skip(character: string): boolean {
    this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #expect(character: string): void {
    if (!this.#skip(character)) throw this.#error(`"${character}"`);
  }

  #deeper(depth: number): number {
    if (depth >= this.#maxDepth) throw this.#error(`at most ${this.#maxDepth} levels`, "deeper nesting");
    return depth + 1;
  }

  #error(expected: string, found: string = this.#found()): FormatError {
    const before = this.#text.slice(0, this.#at);
    const line = this.#firstLine + before.split("\n").length - 1;
    const column = this.#at - before.lastIndexOf("\n");
    return new FormatError(this.#where, `line ${line}, column ${column}: found ${found}, expected ${expected}`);
  }

  #found(): string {
    const rest = this.#text.slice(this.#at, this.#at + 12);
    return rest === "" ? "the end of the text" : JSON.stringify(rest);
  }
}
