/**
 * Records kernel calls on a tape. Every thread replays the tape and computes its share of each call's units.
 *
 * A call has 16 words: `[kernel, first, last, 2 grain + beside, twelve arguments]`. A call waits for all earlier ones unless it is
 * recorded `beside` the one before. Threads share calls in chunks of at least `grain` units; a smaller call is computed by one thread.
 */

import type { Turns } from "../base/turns.ts";
import type { KernelName } from "./generated/kernels.ts";
import type { Region } from "./memory/region.ts";

export const CALL_WORDS = 16;
const MAX_ARGUMENTS: number = CALL_WORDS - 4;
/** Multiply-adds of a time slice, after which the clock is read: a few milliseconds of work on a slow core. */
const SLICE_WORK = 2e7;
/** Multiply-adds of the smallest chunk that a thread claims: about a microsecond of work, where claiming takes a tenth of it. */
const CHUNK_WORK = 1e4;
const MAX_GRAIN = 2 ** 30 - 1;

/** The part of a machine that plays the words of a tape. */
export interface Player {
  readonly threads: number;
  /** The engine's memory as words; a new array after the memory has grown. */
  words(): Int32Array;
  opcode(kernel: KernelName): number;
  /** Plays `calls` calls from word `at` on. `shared`: whether helper threads should be woken. */
  play(words: Int32Array, at: number, calls: number, shared: boolean): void;
}

/** The calls between two pauses: from `begin` to `end`, the first from unit `from` on, the last up to unit `to`. */
interface Slice {
  readonly begin: number;
  readonly from: number;
  readonly end: number;
  readonly to: number;
}

export class Tape {
  readonly #player: Player;
  /** The recorded words; undefined once they are in the engine's memory. */
  #own: Int32Array | undefined = new Int32Array(64 * CALL_WORDS);
  /** Index of the first call's first word. */
  #start = 0;
  /** Multiply-adds of one unit of each call. */
  readonly #work: number[] = [];
  #length = 0;
  /** Whether some call has more than one chunk. */
  #isShared = false;
  /** The slices, which are cut when the tape is first played. */
  #slices: readonly Slice[] | undefined;
  constructor(player: Player) {
    this.#player = player;
  }

  /** Number of recorded calls. */
  get length(): number {
    return this.#length;
  }

  /** Records a call that waits for all earlier ones. `work` is roughly the multiply-adds of one unit, by which time slices are cut. */
  call(kernel: KernelName, units: number, work: number, ...args: readonly number[]): void {
    this.#record(kernel, units, work, 0, args);
  }

  /** Records a call that does not depend on the one before it, nor on the calls beside which that one was recorded. */
  beside(kernel: KernelName, units: number, work: number, ...args: readonly number[]): void {
    this.#record(kernel, units, work, 1, args);
  }

  /** Lets threads share the last call in chunks of at least `units`, as long as every thread gets one. */
  coarsen(units: number): void {
    const at = (this.length - 1) * CALL_WORDS;
    const words = this.#recorded();
    const grain = Math.min(units, Math.floor(words[at + 2] / this.#player.threads));
    if (2 * grain > words[at + 3]) words[at + 3] = 2 * grain + (words[at + 3] & 1);
  }

  clear(): void {
    this.#length = 0; // the capacity of `#work` is kept
    this.#isShared = false;
    this.#slices = undefined;
  }

  /**
   * Moves the calls into the engine's memory, where all threads can read them, so that a replay copies nothing. Nothing can be recorded
   * after that. @returns the address of the block, which `memory` owns.
   */
  settle(memory: Region): number {
    const ptr = memory.place(this.#recorded().subarray(0, this.length * CALL_WORDS));
    this.#start = ptr >>> 2;
    this.#own = undefined;
    return ptr;
  }

  /** Plays all calls now; returns when every thread is done. */
  run(): void {
    this.#player.play(this.#words, this.#start, this.length, this.#isShared);
  }

  /** Plays all calls in slices of a few milliseconds and pauses between them. The bits are those of `run`, because slices only divide units. */
  async runInTurns(turns: Turns): Promise<void> {
    await this.playInTurns(turns);
  }

  /** Does the same as `runInTurns`, but makes no promise if all calls are done before a pause is due. @returns undefined then. */
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

  /** Cuts the calls into slices of `SLICE_WORK` multiply-adds. */
  #cut(): readonly Slice[] {
    const { threads } = this.#player;
    const slices: Slice[] = [];
    // `room` counts the work of one thread, and a slice takes at least one unit for each thread, so that heavy units still run in parallel.
    let room = SLICE_WORK;
    let [begin, from] = [0, 0];
    for (let call = 0; call < this.length; call++) {
      const units = this.#unitsOf(call);
      const work = Math.max(1, this.#work[call]);
      for (let first = 0; first < units; ) {
        const last = Math.min(units, first + Math.max(1, Math.floor(room / work)) * threads);
        room -= Math.ceil((last - first) / threads) * work;
        first = last;
        if (room > 0) continue;
        slices.push({ begin, from, end: call, to: last });
        const isCut = last < units;
        [begin, from] = [isCut ? call : call + 1, isCut ? last : 0];
        room = SLICE_WORK;
      }
    }
    const end = this.length - 1;
    if (begin <= end) slices.push({ begin, from, end, to: this.#unitsOf(end) });
    return slices;
  }

  /** Plays a slice. Its first and last units are written into the calls while they are played. */
  #playSlice({ begin, from, end, to }: Slice): void {
    const words = this.#words;
    const first = this.#start + begin * CALL_WORDS + 1;
    const last = this.#start + end * CALL_WORDS + 2;
    const units = words[last];
    words[first] = from;
    words[last] = to;
    try {
      this.#player.play(words, this.#start + begin * CALL_WORDS, end - begin + 1, this.#isShared);
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

  #record(kernel: KernelName, units: number, work: number, beside: number, args: readonly number[]): void {
    if (args.length > MAX_ARGUMENTS)
      throw new RangeError(`${kernel}: ${args.length} arguments, at most ${MAX_ARGUMENTS}`);
    const at = this.length * CALL_WORDS;
    const words = this.#roomFor(at + CALL_WORDS);
    words[at] = this.#player.opcode(kernel);
    words[at + 1] = 0;
    words[at + 2] = units;
    const grain = Math.min(Math.ceil(CHUNK_WORK / Math.max(1, work)), MAX_GRAIN);
    words[at + 3] = 2 * grain + beside;
    words.fill(0, at + 4, at + CALL_WORDS);
    words.set(args, at + 4);
    this.#slices = undefined;
    this.#work[this.#length++] = work;
    this.#isShared ||= units > grain;
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
