/** What every operation of the network needs to record its kernel calls: the machine, the tape, and small tables in memory. */
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import type { Tape } from "../wasm/tape.ts";

/** How the inputs of linears are rounded (docs/kernels.md, "Activations"): by the engine's arithmetic, or as a study would. */
export type Activations = EngineActivations | StudyActivations;

/** `group` columns share a scale. */
export interface EngineActivations {
  readonly mode: "f32" | "int16" | "int8";
  /** `weight`: the packed weights' own group size (128 at most). */
  readonly group: 32 | 64 | "weight";
}

/**
 * Inputs rounded and scaled back, then multiplied in f32 by whatever the weights are (packed ones dequantised exactly): what
 * rounding alone costs, whichever hardware would do it.
 */
export interface StudyActivations {
  readonly mode: "study";
  readonly bits: 4 | 8;
  /** Columns that share a scale; `token`: all of a row. */
  readonly group: 32 | 64 | 128 | "token";
  /** By the name of each linear, the address of its input's f32 scales, one a group; without them each row has its own. */
  readonly scales?: ReadonlyMap<string, number>;
}

/** As results name them: `f32`, `int8`, `study int4/token`. */
export function activationsName(activations: Activations): string {
  if (activations.mode !== "study") return activations.mode;
  const { bits, group, scales } = activations;
  return `study int${bits}/${group}${scales === undefined ? "" : "/static"}`;
}

/** Codes of the study's rounding go from -levels to levels. */
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

/** A copy of rows without their padding, f32 [rows, cols]. */
export function readRows(machine: Machine, { ptr, ld, rows, cols }: Rows): Float32Array<ArrayBuffer> {
  const all = machine.arena.f32(ptr, rows * ld);
  const copy = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++) copy.set(all.subarray(row * ld, row * ld + cols), row * cols);
  return copy;
}

/** Small read-only word lists that kernels reach by address, each stored once: linear tables and spans. */
export class WordPool {
  readonly #machine: Machine;
  readonly #start: number;
  readonly #capacity: number;
  #used = 0;
  readonly #known: Map<string, number> = new Map();

  /** @param memory owns the words: whoever keeps the pool keeps it. */
  constructor(machine: Machine, memory: Region, words: number) {
    this.#machine = machine;
    this.#start = memory.alloc(words * 4);
    this.#capacity = words;
  }

  /** @returns the address of these words (16-byte aligned). */
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

  /** Forgets everything; only when no tape refers to the pool any more. */
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
