/**
 * A tape: a recorded list of kernel calls, replayed by every thread on its own share of the units.
 *
 * One call is 16 words: `[kernel, first, last, beside, twelve arguments]`. A call waits for all earlier ones unless it is
 * recorded `beside` the one before. Threads meet at a barrier between dependent calls (design.md 4: fork once, not per call).
 */

import type { Turns } from "../base/turns.ts";
import type { KernelName } from "./generated/kernels.ts";

export const CALL_WORDS = 16;
const MAX_ARGUMENTS: number = CALL_WORDS - 4;
/** Multiply-adds between two looks at the clock: a few milliseconds of work on a slow core. */
const SLICE_WORK = 2e7;
/** Multiply-adds between two barriers below which meeting other threads costs more than their help brings. */
const SHARED_WORK = 5e4;

/** What executes words: the machine. */
export interface Player {
  readonly threads: number;
  opcode(kernel: KernelName): number;
  /** `shared`: whether helper threads are worth waking. */
  play(words: Int32Array, calls: number, shared: boolean): void;
}

export class Tape {
  readonly #player: Player;
  #words: Int32Array = new Int32Array(64 * CALL_WORDS);
  /** Multiply-adds of one unit of each call. */
  #work: number[] = [];
  #total = 0;
  #barriers = 0;
  constructor(player: Player) {
    this.#player = player;
  }

  /** Number of recorded calls. */
  get length(): number {
    return this.#work.length;
  }

  /** Records a call that waits for all earlier ones. `work` is the multiply-adds of one unit, roughly: it sizes time slices. */
  call(kernel: KernelName, units: number, work: number, ...args: readonly number[]): void {
    this.#record(kernel, units, work, 0, args);
  }

  /** Records a call that does not depend on the one before it (nor on those that one stands beside). */
  beside(kernel: KernelName, units: number, work: number, ...args: readonly number[]): void {
    this.#record(kernel, units, work, 1, args);
  }

  clear(): void {
    this.#work.length = 0;
    this.#total = 0;
    this.#barriers = 0;
  }

  /** Plays all calls now; returns when every thread is done. */
  run(): void {
    this.#player.play(this.#words, this.length, this.#total >= SHARED_WORK * this.#barriers);
  }

  /** Plays all calls in slices of a few milliseconds, pausing between them. Equal bits to `run`: slices cut units only. */
  async runInTurns(turns: Turns): Promise<void> {
    const slice = new Tape(this.#player);
    const { threads } = this.#player;
    // Room counts the work of one thread, and a slice takes a unit for each: heavy units then still run side by side.
    let room = SLICE_WORK;
    for (let call = 0; call < this.length; call++) {
      const units = this.#words[call * CALL_WORDS + 2];
      const work = Math.max(1, this.#work[call]);
      for (let first = 0; first < units; ) {
        const fits = Math.max(1, Math.floor(room / work)) * threads;
        const last = Math.min(units, first + fits);
        slice.#copy(this.#words, call, first, last, work);
        room -= Math.ceil((last - first) / threads) * work;
        first = last;
        if (room > 0) continue;
        slice.run();
        slice.clear();
        room = SLICE_WORK;
        await turns.pause();
      }
    }
    if (slice.length > 0) slice.run();
    await turns.pause();
  }

  #copy(words: Int32Array, call: number, first: number, last: number, work: number): void {
    const at = this.#room();
    this.#words.set(words.subarray(call * CALL_WORDS, (call + 1) * CALL_WORDS), at);
    this.#words[at + 1] = first;
    this.#words[at + 2] = last;
    this.#count(at, words[call * CALL_WORDS + 3] === 0, work);
  }

  #record(kernel: KernelName, units: number, work: number, beside: number, args: readonly number[]): void {
    if (args.length > MAX_ARGUMENTS)
      throw new RangeError(`${kernel}: ${args.length} arguments, at most ${MAX_ARGUMENTS}`);
    const at = this.#room();
    this.#words[at] = this.#player.opcode(kernel);
    this.#words[at + 1] = 0;
    this.#words[at + 2] = units;
    this.#words[at + 3] = beside;
    this.#words.fill(0, at + 4, at + CALL_WORDS);
    this.#words.set(args, at + 4);
    this.#count(at, beside === 0, work);
  }

  #count(at: number, waits: boolean, work: number): void {
    this.#work.push(work);
    this.#total += work * (this.#words[at + 2] - this.#words[at + 1]);
    if (waits) this.#barriers++;
  }

  #room(): number {
    const at = this.length * CALL_WORDS;
    if (at + CALL_WORDS > this.#words.length) {
      const grown = new Int32Array(this.#words.length * 2);
      grown.set(this.#words);
      this.#words = grown;
    }
    return at;
  }
}
