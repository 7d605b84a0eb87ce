/** Reads fields of a safetensors file's `__metadata__`, which are strings, and checks their values. */
import { FormatError } from "../base/errors.ts";
import type { TensorFile } from "./safetensors.ts";

/** Its methods throw a FormatError that names the field which is missing or wrong. */
export class MetadataReader {
  readonly #file: TensorFile;

  constructor(file: TensorFile) {
    this.#file = file;
  }

  fail(key: string, expected: string): never {
    const value = this.#file.metadata.get(key);
    const found = value === undefined ? "nothing" : JSON.stringify(value.slice(0, 60));
    throw new FormatError(`${this.#file.name}: __metadata__.${key}`, `found ${found}, expected ${expected}`);
  }

  text(key: string): string {
    return this.#file.metadata.get(key) ?? this.fail(key, "a text");
  }

  word(key: string, words: readonly string[]): string {
    const value = this.#file.metadata.get(key);
    return value !== undefined && words.includes(value) ? value : this.fail(key, words.join(" or "));
  }

  count(key: string): number {
    const value = this.text(key);
    return /^[1-9]\d{0,9}$/.test(value) ? Number(value) : this.fail(key, "a whole number from 1");
  }

  index(key: string): number {
    return this.text(key) === "0" ? 0 : this.count(key);
  }

  hash(key: string): string {
    const value = this.text(key);
    return /^[0-9a-f]{64}$/.test(value) ? value : this.fail(key, "a SHA-256 in hex");
  }
}
