/** Gives access to the metadata of a GGUF file by key. Values stay in the header's bytes until they are asked for. */

import { FormatError } from "../../base/errors.ts";
import { describeJson } from "../../base/json.ts";
import { VALUE_BYTES, type ValueType } from "./gguf-types.ts";
import { headerText } from "./header-cursor.ts";

/** Where a value lies in the header: `count` elements of a type; 1 for a value that is no array. */
export interface ValuePlace {
  readonly type: Exclude<ValueType, "ARRAY">;
  readonly isArray: boolean;
  readonly count: number;
  /** First byte of the first element. */
  readonly start: number;
}

/** A value that is no array. */
export type GgufScalar = number | boolean | string;

/** Numbers of an array, in the smallest type that holds them exactly. */
export type GgufNumbers =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

const ARRAYS = {
  ...{ U8: Uint8Array, I8: Int8Array, U16: Uint16Array, I16: Int16Array, U32: Uint32Array, I32: Int32Array },
  ...{ F32: Float32Array, F64: Float64Array, BOOL: Uint8Array },
} as const;

/** The methods return undefined for a key that the file does not have, and throw a FormatError naming the key for another type. */
export class GgufMetadata {
  /** Name of the file, for messages. */
  readonly where: string;
  readonly #bytes: Uint8Array<ArrayBuffer>;
  readonly #view: DataView;
  readonly #places: ReadonlyMap<string, ValuePlace>;

  constructor(where: string, bytes: Uint8Array<ArrayBuffer>, places: ReadonlyMap<string, ValuePlace>) {
    this.where = where;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#places = places;
  }

  /** All keys, in the order of the file. */
  keys(): readonly string[] {
    return [...this.#places.keys()];
  }

  has(key: string): boolean {
    return this.#places.has(key);
  }

  /** The value of a key that is no array. */
  get(key: string): GgufScalar | undefined {
    const place = this.#places.get(key);
    if (place === undefined) return undefined;
    if (place.isArray) throw this.#wrong(key, `an array of ${place.count}`, "one value");
    return this.#scalar(key, place);
  }

  text(key: string): string | undefined {
    return this.#typed(key, "string", "a text") as string | undefined;
  }

  flag(key: string): boolean | undefined {
    return this.#typed(key, "boolean", "true or false") as boolean | undefined;
  }

  number(key: string): number | undefined {
    return this.#typed(key, "number", "a number") as number | undefined;
  }

  /** Elements of an array; undefined for a missing key, 0 for a value that is no array. */
  count(key: string): number | undefined {
    const place = this.#places.get(key);
    return place === undefined || place.isArray ? place?.count : 0;
  }

  /** Whether the key's value is an array. */
  isArray(key: string): boolean {
    return this.#places.get(key)?.isArray === true;
  }

  /** An array of texts. */
  texts(key: string): readonly string[] | undefined {
    const place = this.#array(key);
    if (place === undefined) return undefined;
    if (place.type !== "TEXT") throw this.#wrong(key, `an array of ${place.type}`, "an array of texts");
    const texts = new Array<string>(place.count);
    let at = place.start;
    for (let i = 0; i < place.count; i++) {
      const length = this.#view.getUint32(at, true);
      texts[i] = this.#decode(at + 8, length, key);
      at += 8 + length;
    }
    return texts;
  }

  /** An array of numbers; flags count as 0 and 1. */
  numbers(key: string): GgufNumbers | undefined {
    const place = this.#array(key);
    if (place === undefined) return undefined;
    const { type, start, count } = place;
    if (type === "TEXT") throw this.#wrong(key, "an array of texts", "an array of numbers");
    if (type === "U64" || type === "I64")
      return Float64Array.from({ length: count }, (_, i) => this.#wide(key, type, start + 8 * i));
    return new ARRAYS[type](this.#bytes.slice(start, start + VALUE_BYTES[type] * count).buffer);
  }

  #array(key: string): ValuePlace | undefined {
    const place = this.#places.get(key);
    if (place !== undefined && !place.isArray) throw this.#wrong(key, `one ${place.type}`, "an array");
    return place;
  }

  #typed(key: string, type: "string" | "boolean" | "number", expected: string): GgufScalar | undefined {
    const value = this.get(key);
    if (value !== undefined && typeof value !== type) throw this.#wrong(key, describeJson(value), expected);
    return value;
  }

  #scalar(key: string, { type, start }: ValuePlace): GgufScalar {
    if (type === "TEXT") return this.#decode(start + 8, this.#view.getUint32(start, true), key);
    if (type === "U64" || type === "I64") return this.#wide(key, type, start);
    const value = new ARRAYS[type](this.#bytes.slice(start, start + VALUE_BYTES[type]).buffer)[0];
    if (type !== "BOOL") return value;
    if (value > 1) throw this.#wrong(key, `a flag of ${value}`, "0 or 1");
    return value === 1;
  }

  #wide(key: string, type: "U64" | "I64", at: number): number {
    const value = type === "U64" ? this.#view.getBigUint64(at, true) : this.#view.getBigInt64(at, true);
    if (Number.isSafeInteger(Number(value))) return Number(value);
    throw this.#wrong(key, String(value), "a whole number below 2^53");
  }

  /** Most tokens are short and plain, and a decoder's call costs more than their characters. */
  #decode(start: number, length: number, key: string): string {
    if (length > 16) return this.#decodeAny(start, length, key);
    let text = "";
    for (let at = start; at < start + length; at++) {
      if (this.#bytes[at] >= 0x80) return this.#decodeAny(start, length, key);
      text += String.fromCharCode(this.#bytes[at]);
    }
    return text;
  }

  #decodeAny(start: number, length: number, key: string): string {
    return headerText(this.#bytes.subarray(start, start + length), `${this.where}: ${key}`);
  }

  #wrong(key: string, found: string, expected: string): FormatError {
    return new FormatError(`${this.where}: ${key}`, `found ${found}, expected ${expected}`);
  }
}
