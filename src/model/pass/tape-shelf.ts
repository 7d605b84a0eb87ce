/** Tapes kept by the number of tokens they are for. */
import type { Tape } from "../../wasm/tape.ts";

/** Prefill batches, a remainder or two, and single tokens. */
const MAX_TAPES = 4;

export class TapeShelf {
  readonly #tapes: Map<number, Tape> = new Map();
  readonly #record: (tokens: number) => Tape;

  constructor(record: (tokens: number) => Tape) {
    this.#record = record;
  }

  /** The tape for `tokens` tokens, recorded where it is not at hand. */
  take(tokens: number): Tape {
    const known = this.#tapes.get(tokens);
    if (known !== undefined) return known;
    const tape = this.#record(tokens);
    if (this.#tapes.size >= MAX_TAPES) this.#tapes.delete(this.#tapes.keys().next().value as number);
    this.#tapes.set(tokens, tape);
    return tape;
  }
}
