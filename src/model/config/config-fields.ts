/**
 * Reads typed fields of a Hugging Face config.json. Errors name the field, what was found and what was expected. It remembers which
 * fields a family has looked at, so that fields that nobody knows can be refused.
 */
import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { describeJson, isObject, type JsonObject } from "../../base/json.ts";
import { isHarmless } from "./harmless-fields.ts";

export class ConfigFields {
  readonly where: string;
  readonly #json: JsonObject;
  readonly #seen: Set<string> = new Set();
  constructor(json: JsonObject, where: string) {
    this.#json = json;
    this.where = where;
  }

  /** Marks fields as known that change nothing in this model, whatever they hold. */
  ignore(...keys: readonly string[]): void {
    for (const key of keys) this.#seen.add(key);
  }

  /**
   * Fails for a field that neither the family has read nor is known to be harmless, since it may change what the model computes.
   * Fields that are null, false, 0 or empty turn nothing on.
   */
  requireKnown(): void {
    for (const [key, value] of Object.entries(this.#json)) {
      if (this.#seen.has(key) || isHarmless(key, value)) continue;
      throw new UnsupportedError(`${this.where}: ${key}`, describeJson(value), [
        "a field that this family knows; if it has no effect on what the model computes, remove it from the file",
      ]);
    }
  }

  has(key: string): boolean {
    this.#seen.add(key);
    return this.#json[key] !== undefined && this.#json[key] !== null;
  }

  /** A positive integer below 2^31, from the first of `keys` that is present. */
  count(...keys: readonly string[]): number {
    const key = keys.find((name) => this.has(name));
    if (key === undefined) return this.#fail(keys.join(" or "), undefined, "a positive integer");
    const value = this.#json[key];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value >= 2 ** 31)
      return this.#fail(key, value, "a positive integer");
    return value;
  }

  /** A finite number above 0 that must be present. */
  positive(key: string): number {
    if (!this.has(key)) return this.#fail(key, undefined, "a number above 0");
    return this.positiveOr(1, key);
  }

  /** A finite number. */
  numberOr(fallback: number, key: string): number {
    if (!this.has(key)) return fallback;
    const value = this.#json[key];
    if (typeof value !== "number" || !Number.isFinite(value)) return this.#fail(key, value, "a number");
    return value;
  }

  /** A count of things that are built at once. One above `most` is refused before anything is built. */
  countUpTo(most: number, key: string): number {
    const count = this.count(key);
    if (count > most) throw new UnsupportedError(`${this.where}: ${key}`, String(count), [`at most ${most}`]);
    return count;
  }

  countOr(fallback: number, ...keys: readonly string[]): number {
    return keys.some((name) => this.has(name)) ? this.count(...keys) : fallback;
  }

  /** An integer from 0. */
  indexOr(fallback: number, key: string): number {
    if (!this.has(key)) return fallback;
    const value = this.#json[key];
    if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value >= 2 ** 31)
      return this.#fail(key, value, "an integer from 0");
    return value;
  }

  /** A finite number above 0. */
  positiveOr(fallback: number, key: string): number {
    if (!this.has(key)) return fallback;
    const value = this.#json[key];
    if (typeof value !== "number" || !(value > 0) || !Number.isFinite(value))
      return this.#fail(key, value, "a number above 0");
    return value;
  }

  flagOr(fallback: boolean, key: string): boolean {
    if (!this.has(key)) return fallback;
    const value = this.#json[key];
    if (typeof value !== "boolean") return this.#fail(key, value, "true or false");
    return value;
  }

  /** Token ids: one number, a list, or none. */
  ids(key: string): readonly number[] {
    if (!this.has(key)) return [];
    const value = this.#json[key];
    const list = Array.isArray(value) ? value : [value];
    for (const id of list)
      if (typeof id !== "number" || !Number.isInteger(id) || id < 0) return this.#fail(key, value, "token ids");
    return list as number[];
  }

  /** Fails unless the field is missing or holds one of the values that the engine computes. */
  requireOneOf(key: string, ...values: readonly (string | boolean | number)[]): void {
    if (!this.has(key)) return;
    const value = this.#json[key];
    if (!values.includes(value as string))
      throw new UnsupportedError(`${this.where}: ${key}`, describeJson(value), values.map(String));
  }

  /** A list of strings; undefined if the field is missing. */
  texts(key: string): readonly string[] | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#json[key];
    if (!Array.isArray(value) || !value.every((each) => typeof each === "string"))
      return this.#fail(key, value, "a list of strings");
    return value as string[];
  }

  object(key: string): ConfigFields | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#json[key];
    if (!isObject(value)) return this.#fail(key, value, "an object");
    return new ConfigFields(value, `${this.where}: ${key}`);
  }

  text(key: string): string | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#json[key];
    if (typeof value !== "string") return this.#fail(key, value, "a string");
    return value;
  }

  #fail(key: string, value: unknown, expected: string): never {
    throw new FormatError(`${this.where}: ${key}`, `found ${describeJson(value as never)}, expected ${expected}`);
  }
}
