/**
 * Plays passes and keeps their tapes, one for each number of tokens, until a weight is loaded or evicted. The tapes are in the
 * engine's memory, so that a replay copies nothing.
 */
import type { Turns } from "../../base/turns.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Tape } from "../../wasm/tape.ts";
import type { WeightStore } from "../weights/weight-store.ts";
import { recordBody, recordHead } from "./forward.ts";
import { playBody, playRecorded } from "./play-in-pieces.ts";
import type { Pass } from "./record/pass.ts";

/** Enough for prefill batches, one or two remainders, and single tokens. */
const MAX_TAPES = 4;

export interface TapeShelfOptions {
  readonly store: WeightStore;
  /** Owns the tapes' words. Once it is disposed, the shelf must not be used. */
  readonly memory: Region;
  /** Makes a pass over `tokens` tokens with nothing recorded. */
  readonly begin: (tokens: number) => Pass;
  /** Whether passes end with the head, for as many tokens as the state has rows of logits. */
  readonly head: boolean;
}

interface KeptTape {
  readonly tape: Tape;
  readonly ptr: number;
}

export class TapeShelf {
  readonly #tapes: Map<number, KeptTape> = new Map();
  readonly #options: TapeShelfOptions;
  /** The store's generation when the tapes were recorded. */
  #generation: number;

  constructor(options: TapeShelfOptions) {
    this.#options = options;
    this.#generation = options.store.generation;
  }

  /** Computes a pass over the `tokens` tokens that are in the state. @returns undefined if it has finished without a pause. */
  play(tokens: number, turns: Turns): Promise<void> | undefined {
    return this.#options.store.needsRoutes ? this.#playInPieces(tokens, turns) : this.#take(tokens).playInTurns(turns);
  }

  async #playInPieces(tokens: number, turns: Turns): Promise<void> {
    const { begin, head } = this.#options;
    const pass = begin(tokens);
    await playBody(pass, turns);
    if (head) recordHead(pass);
    await playRecorded(pass, turns);
  }

  #take(tokens: number): Tape {
    const { store, memory, begin, head } = this.#options;
    const isStale = this.#generation !== store.generation;
    if (isStale) for (const each of this.#tapes.keys()) this.#drop(each);
    this.#generation = store.generation;
    const known = this.#tapes.get(tokens);
    if (known !== undefined) return known.tape;
    const pass = begin(tokens);
    if (isStale) pass.emit.pool.clear();
    recordBody(pass);
    if (head) recordHead(pass);
    const { tape } = pass.emit;
    if (this.#tapes.size >= MAX_TAPES) this.#drop(this.#tapes.keys().next().value as number);
    this.#tapes.set(tokens, { tape, ptr: tape.settle(memory) });
    return tape;
  }

  #drop(tokens: number): void {
    this.#options.memory.free((this.#tapes.get(tokens) as KeptTape).ptr);
    this.#tapes.delete(tokens);
  }
}
