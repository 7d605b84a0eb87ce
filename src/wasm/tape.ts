/**
 * A tape: a recorded list of kernel calls, replayed by every thread on its own share of the units.
 *
 * One call is 16 words: `[kernel, first, last, beside, twelve arguments]`. A call waits for all earlier ones unless it is
 * recorded `beside` the one before. Threads meet at a barrier between dependent calls (design.md 4: fork once, not per call).
 */

import type { Turns } from "../base/turns.ts";
import type { KernelName } from "./generated/kernels.ts";
import type { Region } from "./memory/region.ts";

export const CALL_WORDS = 16;
const MAX_ARGUMENTS: number = CALL_WORDS - 4;
/** Multiply-adds between two looks at the clock: a few milliseconds of work on a slow core. */
const SLICE_WORK = 2e7;
/** Multiply-adds between two barriers below which meeting other threads costs more than their help brings. */
const SHARED_WORK = 5e4;

/** What executes words: the machine. */
export interface Player {
  readonly threads: number;
  /** The engine's memory as words; another array once the memory has grown. */
  words(): Int32Array;
  opcode(kernel: KernelName): number;
  /** Plays `calls` calls from word `at` on. `shared`: whether helper threads are worth waking. */
  play(words: Int32Array, at: number, calls: number, shared: boolean): void;
}

/** What is played between two pauses: the calls from `begin` to `end`, the first from unit `from` on, the last up to unit `to`. */
interface Slice {
  readonly begin: number;
  readonly from: number;
  readonly end: number;
  readonly to: number;
  readonly isShared: boolean;
}

export class Tape {
  readonly #player: Player;
  /** What is recorded; undefined once it lies in the engine's memory. */
  #own: Int32Array | undefined = new Int32Array(64 * CALL_WORDS);
  /** Where the first call lies, in words. */
  #start = 0;
  /** Multiply-adds of one unit of each call. */
  readonly #work: number[] = [];
  #length = 0;
  #total = 0;
  #barriers = 0;
  /** Cut when they are first played. */
  #slices: readonly Slice[] | undefined;
  constructor(player: Player) {
    this.#player = player;
  }

  /** Number of recorded calls. */
  get length(): number {
    return this.#length;
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
    this.#length = 0; // the room of `#work` stays
    this.#total = 0;
    this.#barriers = 0;
    this.#slices = undefined;
  }

  /**
   * Moves the calls into the engine's memory, where all threads find them, so that a replay copies nothing. Nothing can be
   * recorded from then on. @returns the address of the block that `memory` owns.
   */
  settle(memory: Region): number {
    const ptr = memory.place(this.#recorded().subarray(0, this.length * CALL_WORDS));
    this.#start = ptr >>> 2;
    this.#own = undefined;
    return ptr;
  }

  /** Plays all calls now; returns when every thread is done. */
  run(): void {
    this.#player.play(this.#words, this.#start, this.length, this.#total >= SHARED_WORK * this.#barriers);
  }

  /** Plays all calls in slices of a few milliseconds, pausing between them. Equal bits to `run`: slices cut units only. */
  async runInTurns(turns: Turns): Promise<void> {
    await this.playInTurns(turns);
  }

  /** The same, which makes no promise for what is done before a pause is due. @returns undefined then. */
  playInTurns(turns: Turns): Promise<void> | undefined {
    this.#slices ??= this.#cut();
    for (let at = 0; at < this.#slices.length; at++) {
      this.#playSlice(this.#slices[at]);
      if (turns.isDue()) return this.#goOn(this.#slices, at + 1, turns);
    }
    turns.check();
    return undefined;
  }

  /** Pauses, then plays the slices from `next` on. */
  async #goOn(slices: readonly Slice[], next: number, turns: Turns): Promise<void> {
    await turns.turn();
    for (let at = next; at < slices.length; at++) {
      this.#playSlice(slices[at]);
      if (turns.isDue()) await turns.turn();
    }
    turns.check();
  }

  /** Slices of so much work. */
  #cut(): readonly Slice[] {
    const { threads } = this.#player;
    const slices: Slice[] = [];
    // Room counts the work of one thread, and a slice takes a unit for each: heavy units then still run side by side.
    let room = SLICE_WORK;
    let [begin, from, total, barriers] = [0, 0, 0, 0];
    for (let call = 0; call < this.length; call++) {
      const units = this.#unitsOf(call);
      const work = Math.max(1, this.#work[call]);
      if (units > 0 && this.#waits(call)) barriers++;
      for (let first = 0; first < units; ) {
        const last = Math.min(units, first + Math.max(1, Math.floor(room / work)) * threads);
        room -= Math.ceil((last - first) / threads) * work;
        total += work * (last - first);
        first = last;
        if (room > 0) continue;
        slices.push({ begin, from, end: call, to: last, isShared: total >= SHARED_WORK * barriers });
        const isCut = last < units;
        [begin, from, total] = [isCut ? call : call + 1, isCut ? last : 0, 0];
        barriers = isCut && this.#waits(call) ? 1 : 0;
        room = SLICE_WORK;
      }
    }
    const end = this.length - 1;
    if (begin <= end)
      slices.push({ begin, from, end, to: this.#unitsOf(end), isShared: total >= SHARED_WORK * barriers });
    return slices;
  }

  /** Writes the two cuts into the calls while it plays them. */
  #playSlice({ begin, from, end, to, isShared }: Slice): void {
    const words = this.#words;
    const first = this.#start + begin * CALL_WORDS + 1;
    const last = this.#start + end * CALL_WORDS + 2;
    const units = words[last];
    words[first] = from;
    words[last] = to;
    try {
      this.#player.play(words, this.#start + begin * CALL_WORDS, end - begin + 1, isShared);
    } finally {
      words[first] = 0;
      words[last] = units;
    }
  }

  get #words(): Int32Array {
    return this.#own ?? this.#player.words();
  }

  #recorded(): Int32Array {
    if (this.#own === undefined) throw new RangeError("a tape that is settled in memory records nothing");
    return this.#own;
  }

  #unitsOf(call: number): number {
    return this.#words[this.#start + call * CALL_WORDS + 2];
  }

  #waits(call: number): boolean {
    return this.#words[this.#start + call * CALL_WORDS + 3] === 0;
  }

  #record(kernel: KernelName, units: number, work: number, beside: number, args: readonly number[]): void {
    if (args.length > MAX_ARGUMENTS)
      throw new RangeError(`${kernel}: ${args.length} arguments, at most ${MAX_ARGUMENTS}`);
    const at = this.length * CALL_WORDS;
    const words = this.#roomFor(at + CALL_WORDS);
    words[at] = this.#player.opcode(kernel);
    words[at + 1] = 0;
    words[at + 2] = units;
    words[at + 3] = beside;
    words.fill(0, at + 4, at + CALL_WORDS);
    words.set(args, at + 4);
    this.#slices = undefined;
    this.#work[this.#length++] = work;
    this.#total += work * units;
    if (beside === 0) this.#barriers++;
  }

  #roomFor(count: number): Int32Array {
    const words = this.#recorded();
    if (count <= words.length) return words;
    const grown = new Int32Array(words.length * 2);
    grown.set(words);
    this.#own = grown;
    return grown;
  }
}
