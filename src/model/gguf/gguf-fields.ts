/** Reads the keys of one architecture from a GGUF file's metadata, and remembers them, so that keys that nobody knows can be refused. */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { describeJson } from "../../base/json.ts";
import type { GgufMetadata, GgufScalar } from "../../format/gguf/gguf-metadata.ts";

/** Keys, without the architecture before them, that change nothing in what a model computes. */
const HARMLESS = [
  "vocab_size",
  "tensor_data_layout",
  "rope.scaling.finetuned",
  "attention.causal",
  "use_parallel_residual",
  "decoder_start_token_id",
];

export class GgufFields {
  readonly where: string;
  readonly architecture: string;
  readonly #metadata: GgufMetadata;
  readonly #seen: Set<string> = new Set(HARMLESS);

  constructor(metadata: GgufMetadata, architecture: string) {
    this.where = metadata.where;
    this.architecture = architecture;
    this.#metadata = metadata;
  }

  /** The value of a key, by its name without the architecture. */
  value(key: string): GgufScalar | undefined {
    this.#seen.add(key);
    return this.#metadata.get(this.#full(key));
  }

  /** A finite number. */
  number(key: string): number | undefined {
    this.#seen.add(key);
    const value = this.#metadata.number(this.#full(key));
    if (value !== undefined && !Number.isFinite(value)) throw this.wrong(key, value, "a finite number");
    return value;
  }

  /** A number that must be there. */
  required(key: string): number {
    return this.number(key) ?? this.#missing(key, "a number");
  }

  /** A number that is one for all layers, though the file may list one for each layer. @throws UnsupportedError if they differ. */
  uniform(key: string): number | undefined {
    const full = this.#full(key);
    if (!this.#metadata.isArray(full)) return this.number(key);
    this.#seen.add(key);
    const values = this.#metadata.numbers(full) ?? [];
    const [first] = values;
    if (first === undefined) throw this.wrong(key, "an empty list", "a number for each layer");
    if (values.some((value) => value !== first))
      throw new UnsupportedError(`${this.where}: ${full}`, "numbers that differ by layer", ["the same for all layers"]);
    return first;
  }

  /** The numbers of a list, one for each layer; undefined for a missing key. */
  list(key: string): readonly number[] | undefined {
    this.#seen.add(key);
    const values = this.#metadata.numbers(this.#full(key));
    return values === undefined ? undefined : Array.from(values);
  }

  flag(key: string): boolean | undefined {
    this.#seen.add(key);
    return this.#metadata.flag(this.#full(key));
  }

  text(key: string): string | undefined {
    this.#seen.add(key);
    return this.#metadata.text(this.#full(key));
  }

  /** A key outside the architecture, such as a token's id. */
  outside(key: string): number | undefined {
    return this.#metadata.number(key);
  }

  /** @throws UnsupportedError for a key of the architecture that was not read and turns something on. */
  requireKnown(): void {
    const prefix = `${this.architecture}.`;
    for (const full of this.#metadata.keys()) {
      const key = full.slice(prefix.length);
      if (!full.startsWith(prefix) || this.#seen.has(key)) continue;
      const value = this.#metadata.isArray(full) ? "a list" : this.#metadata.get(full);
      if (value === 0 || value === false) continue;
      throw new UnsupportedError(`${this.where}: ${full}`, String(value), [
        `a key that Quern knows in the architecture ${this.architecture}`,
      ]);
    }
  }

  wrong(key: string, found: GgufScalar, expected: string): FormatError {
    return new FormatError(`${this.where}: ${this.#full(key)}`, `found ${shown(found)}, expected ${expected}`);
  }

  #missing(key: string, expected: string): never {
    throw new FormatError(`${this.where}: ${this.#full(key)}`, `found nothing, expected ${expected}`);
  }

  #full(key: string): string {
    return `${this.architecture}.${key}`;
  }
}

function shown(value: GgufScalar): string {
  return typeof value === "number" ? String(value) : describeJson(value);
}
