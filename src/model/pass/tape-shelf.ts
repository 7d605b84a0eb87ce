/**
 * Plays passes and keeps their tapes, one for each number of tokens and of rows of logits, until a weight is loaded or evicted.
 * The tapes are in the engine's memory, so that a replay copies nothing.
 */
import type { Turns } from "../../base/turns.ts";
import type { WeightStore } from "../weights/weight-store.ts";
import { playBody, playHead, playRecorded } from "./play-in-pieces.ts";
import type { Pass } from "./record/pass.ts";
import { type Leg, recordLegs } from "./stages.ts";

/** Enough for prefill batches, one or two remainders, and single tokens of one sequence. */
const MAX_TAPES = 4;
/** Numbers of rows of logits that are told apart. */
const MAX_ROWS = 2 ** 16;

export interface TapeShelfOptions {
  readonly store: WeightStore;
  /**
   * Makes a pass over `tokens` tokens with nothing recorded, which will have `rows` rows of logits. Its state owns the tapes' words: once it is
   * disposed, the shelf must not be used.
   */
  readonly begin: (tokens: number, rows: number) => Pass;
  /** Tapes that are kept; the one that was played longest ago makes room for another. Default 4. */
  readonly most?: number;
}

interface KeptTape {
  /** Its place in the shelf. */
  readonly key: number;
  /** One for each memory of the model. */
  readonly legs: readonly Leg[];
  /** Where the words of each leg's tape are, in its own memory. */
  readonly ptrs: readonly number[];
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
    const { legs } = this.#take(tokens, rows);
    return legs.length === 1 ? legs[0].pass.emit.tape.playInTurns(turns) : playLegs(legs, turns);
  }

  async #playInPieces(tokens: number, rows: number, turns: Turns): Promise<void> {
    const pass = this.#options.begin(tokens, rows);
    await playBody(pass, turns);
    if (rows > 0) await playHead(pass, turns, rows);
    else await playRecorded(pass, turns);
  }

  #take(tokens: number, rows: number): KeptTape {
    const { store } = this.#options;
    const isStale = this.#generation !== store.generation;
    if (isStale) for (const each of this.#tapes.values()) this.#drop(each);
    this.#generation = store.generation;
    const key = MAX_ROWS * tokens + rows;
    if (this.#latest?.key === key) return this.#latest;
    const tape = this.#tapes.get(key) ?? this.#record(key, tokens, rows, isStale);
    this.#tapes.delete(key);
    this.#tapes.set(key, tape);
    this.#latest = tape;
    return tape;
  }

  #record(key: number, tokens: number, rows: number, isStale: boolean): KeptTape {
    const { begin, most = MAX_TAPES } = this.#options;
    const whole = begin(tokens, rows);
    if (isStale) for (const { pool } of [whole.state, ...whole.state.stages]) pool.clear();
    const legs = recordLegs(whole, rows);
    if (this.#tapes.size >= most) this.#drop(this.#tapes.values().next().value as KeptTape);
    return { key, legs, ptrs: legs.map(({ pass }) => pass.emit.tape.settle(pass.state.memory)) };
  }

  #drop({ key, legs, ptrs }: KeptTape): void {
    for (const [at, { pass }] of legs.entries()) pass.state.memory.free(ptrs[at]);
    this.#tapes.delete(key);
    if (this.#latest?.key === key) this.#latest = undefined;
  }
}

async function playLegs(legs: readonly Leg[], turns: Turns): Promise<void> {
  for (const { pass, enter } of legs) {
    enter?.();
    await pass.emit.tape.runInTurns(turns);
  }
}
