/**
 * Plays passes and keeps their tapes, one for each number of tokens and of rows of logits, until a weight is loaded or evicted.
 * The tapes are in the engine's memory, so that a replay copies nothing.
 */
import type { Turns } from "../../base/turns.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { Tape } from "../../wasm/tape.ts";
import type { WeightStore } from "../weights/weight-store.ts";
import { recordBody, recordHead } from "./forward.ts";
import { playBody, playHead, playRecorded } from "./play-in-pieces.ts";
import type { Pass } from "./record/pass.ts";

/** Enough for prefill batches, one or two remainders, and single tokens of one sequence. */
const MAX_TAPES = 4;
/** Numbers of rows of logits that are told apart. */
const MAX_ROWS = 2 ** 16;

export interface TapeShelfOptions {
  readonly store: WeightStore;
  /** Owns the tapes' words. Once it is disposed, the shelf must not be used. */
  readonly memory: Region;
  /** Makes a pass over `tokens` tokens with nothing recorded, which will have `rows` rows of logits. */
  readonly begin: (tokens: number, rows: number) => Pass;
  /** Tapes that are kept; the one that was played longest ago makes room for another. Default 4. */
  readonly most?: number;
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
   * @param rows number of last tokens whose logits are computed; 0 for a pass without the head.
   * @returns undefined if it has finished without a pause.
   */
  play(tokens: number, rows: number, turns: Turns): Promise<void> | undefined {
    if (this.#options.store.isPaged) return this.#playInPieces(tokens, rows, turns);
    return this.#take(tokens, rows).playInTurns(turns);
  }

  async #playInPieces(tokens: number, rows: number, turns: Turns): Promise<void> {
    const pass = this.#options.begin(tokens, rows);
    await playBody(pass, turns);
    if (rows > 0) await playHead(pass, turns, rows);
    else await playRecorded(pass, turns);
  }

  #take(tokens: number, rows: number): Tape {
    const { store } = this.#options;
    const isStale = this.#generation !== store.generation;
    if (isStale) for (const each of this.#tapes.values()) this.#drop(each);
    this.#generation = store.generation;
    const key = MAX_ROWS * tokens + rows;
    if (this.#latest?.key === key) return this.#latest.tape;
    const tape = this.#tapes.get(key) ?? this.#record(key, tokens, rows, isStale);
    this.#tapes.delete(key);
    this.#tapes.set(key, tape);
    this.#latest = tape;
    return tape.tape;
  }

  #record(key: number, tokens: number, rows: number, isStale: boolean): KeptTape {
    const { memory, begin, most = MAX_TAPES } = this.#options;
    const pass = begin(tokens, rows);
    if (isStale) pass.emit.pool.clear();
    recordBody(pass);
    if (rows > 0) recordHead(pass, rows);
    if (this.#tapes.size >= most) this.#drop(this.#tapes.values().next().value as KeptTape);
    return { key, tape: pass.emit.tape, ptr: pass.emit.tape.settle(memory) };
  }

  #drop({ key, ptr }: KeptTape): void {
    this.#options.memory.free(ptr);
    this.#tapes.delete(key);
    if (this.#latest?.key === key) this.#latest = undefined;
  }
}
