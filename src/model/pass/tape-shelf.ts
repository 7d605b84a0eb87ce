/**
 * Plays passes and keeps their tapes, one for each number of tokens with and without the head, until a weight is loaded or evicted.
 * The tapes are in the engine's memory, so that a replay copies nothing.
 */
import type { Turns } from "../../base/turns.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Tape } from "../../wasm/tape.ts";
import type { WeightStore } from "../weights/weight-store.ts";
import { recordBody, recordHead } from "./forward.ts";
import { playBody, playRecorded } from "./play-in-pieces.ts";
import type { Pass } from "./record/pass.ts";

/** Enough for prefill batches, one or two remainders, and single tokens. The one that was played longest ago makes room. */
const MAX_TAPES = 4;

export interface TapeShelfOptions {
  readonly store: WeightStore;
  /** Owns the tapes' words. Once it is disposed, the shelf must not be used. */
  readonly memory: Region;
  /** Makes a pass over `tokens` tokens with nothing recorded. */
  readonly begin: (tokens: number) => Pass;
}

interface KeptTape {
  /** Its place in the shelf. */
  readonly key: number;
  readonly tape: Tape;
  readonly ptr: number;
}

export class TapeShelf {
  readonly #tapes: Map<number, KeptTape> = new Map();
  readonly #options: TapeShelfOptions;
  /** The tape played last, which is the last of the map. */
  #latest: KeptTape | undefined;
  /** The store's generation when the tapes were recorded. */
  #generation: number;

  constructor(options: TapeShelfOptions) {
    this.#options = options;
    this.#generation = options.store.generation;
  }

  /**
   * Computes a pass over the `tokens` tokens that are in the state.
   * @param hasHead whether it ends with the head, for as many tokens as the state has rows of logits.
   * @returns undefined if it has finished without a pause.
   */
  play(tokens: number, hasHead: boolean, turns: Turns): Promise<void> | undefined {
    if (this.#options.store.needsRoutes) return this.#playInPieces(tokens, hasHead, turns);
    return this.#take(tokens, hasHead).playInTurns(turns);
  }

  async #playInPieces(tokens: number, hasHead: boolean, turns: Turns): Promise<void> {
    const pass = this.#options.begin(tokens);
    await playBody(pass, turns);
    if (hasHead) recordHead(pass);
    await playRecorded(pass, turns);
  }

  #take(tokens: number, hasHead: boolean): Tape {
    const { store } = this.#options;
    const isStale = this.#generation !== store.generation;
    if (isStale) for (const each of this.#tapes.values()) this.#drop(each);
    this.#generation = store.generation;
    const key = 2 * tokens + (hasHead ? 1 : 0);
    if (this.#latest?.key === key) return this.#latest.tape;
    const tape = this.#tapes.get(key) ?? this.#record(key, tokens, hasHead, isStale);
    this.#tapes.delete(key);
    this.#tapes.set(key, tape);
    this.#latest = tape;
    return tape.tape;
  }

  #record(key: number, tokens: number, hasHead: boolean, isStale: boolean): KeptTape {
    const { memory, begin } = this.#options;
    const pass = begin(tokens);
    if (isStale) pass.emit.pool.clear();
    recordBody(pass);
    if (hasHead) recordHead(pass);
    if (this.#tapes.size >= MAX_TAPES) this.#drop(this.#tapes.values().next().value as KeptTape);
    return { key, tape: pass.emit.tape, ptr: pass.emit.tape.settle(memory) };
  }

  #drop({ key, ptr }: KeptTape): void {
    this.#options.memory.free(ptr);
    this.#tapes.delete(key);
    if (this.#latest?.key === key) this.#latest = undefined;
  }
}
