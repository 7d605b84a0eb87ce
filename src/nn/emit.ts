/** The recording context of network operations: the machine, the tape, and small tables in memory. */
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import type { Tape } from "../wasm/tape.ts";

/** How the inputs of linears are rounded: for the engine's integer arithmetic, or as in a study (docs/kernels.md, "Activations"). */
export type Activations = EngineActivations | StudyActivations;

/** Rounding for the engine's arithmetic; `group` columns of an input share a scale. */
export interface EngineActivations {
  readonly mode: "f32" | "int16" | "int8";
  /** Columns that share a scale; `weight`: as many as in a group of the packed weights (at most 128). */
  readonly group: 32 | 64 | "weight";
}

/**
 * Inputs are rounded, scaled back, and multiplied in f32 by the weights (packed ones are dequantised exactly). This measures the
 * effect of rounding alone, independent of the hardware that would compute it.
 */
export interface StudyActivations {
  readonly mode: "study";
  readonly bits: 4 | 8;
  /** Columns that share a scale; `token`: all columns of a row. */
  readonly group: 32 | 64 | 128 | "token";
  /** For the name of each linear, the address of its input's f32 scales, one for each group. Without them each row gets its own scales. */
  readonly scales?: ReadonlyMap<string, number>;
}

/** The name of activations in results: `f32`, `int8`, `study int4/token`. */
export function activationsName(activations: Activations): string {
  if (activations.mode !== "study") return activations.mode;
  const { bits, group, scales } = activations;
  return `study int${bits}/${group}${scales === undefined ? "" : "/static"}`;
}

/** The largest code of the study's rounding; codes are from -levels to levels. */
export function studyLevels(bits: StudyActivations["bits"]): number {
  return 2 ** (bits - 1) - 1;
}

/** f32 rows in memory; `ld` is the row stride in elements. */
export interface Rows {
  readonly ptr: number;
  readonly ld: number;
  readonly rows: number;
  readonly cols: number;
}

/** The last `count` rows. */
export function lastRows({ ptr, ld, rows, cols }: Rows, count: number): Rows {
  return { ptr: ptr + 4 * ld * (rows - count), ld, rows: count, cols };
}

/** A copy of rows without their padding, f32 [rows, cols]. */
export function readRows(machine: Machine, { ptr, ld, rows, cols }: Rows): Float32Array<ArrayBuffer> {
  return packRows(machine.arena.f32(ptr, rows * ld), ld, cols);
}

/** A copy of the first `cols` numbers of each row of `ld`. */
export function packRows(values: Float32Array, ld: number, cols: number): Float32Array<ArrayBuffer> {
  const packed = new Float32Array((values.length / ld) * cols);
  for (let from = 0, to = 0; from < values.length; from += ld, to += cols)
    packed.set(values.subarray(from, from + cols), to);
  return packed;
}

/** Stores small read-only lists of words that kernels read by address, each list once: tables of linears, and spans. */
export class WordPool {
  readonly #machine: Machine;
  readonly #start: number;
  readonly #capacity: number;
  #used = 0;
  readonly #known: Map<string, number> = new Map();

  /** @param memory owns the words; it must live as long as the pool. */
  constructor(machine: Machine, memory: Region, words: number) {
    this.#machine = machine;
    this.#start = memory.alloc(words * 4);
    this.#capacity = words;
  }

  /** Stores the words, unless they are already stored. @returns their address, 16-byte aligned. */
  intern(words: readonly number[]): number {
    const key = words.join();
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#used + words.length > this.#capacity)
      throw new RangeError(`word pool of ${this.#capacity} words is full`);
    const ptr = this.#start + this.#used * 4;
    this.#machine.arena.i32(ptr, words.length).set(words);
    this.#used += Math.ceil(words.length / 4) * 4;
    this.#known.set(key, ptr);
    return ptr;
  }

  /** Removes all words. No tape may refer to the pool any more. */
  clear(): void {
    this.#used = 0;
    this.#known.clear();
  }
}

/** The recording context of one forward pass. */
export interface Emit {
  readonly machine: Machine;
  readonly tape: Tape;
  readonly pool: WordPool;
  readonly activations: Activations;
  /** Buffers for prepared inputs, each large enough for the largest input of the pass. */
  readonly prepared: { readonly records: number; readonly rounded: number; readonly gathered: number };
}
