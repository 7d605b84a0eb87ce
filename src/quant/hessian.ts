/**
 * The Hessian of a linear's squared output error, H = 2/T X^T X over its T calibration inputs.
 *
 * Stored as the sum X^T X in f64, lower triangle in row panels of 8 (assembly/hessian/gram.ts), which takes half the memory of a square.
 */
import { ShapeError, UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import type { Tape } from "../wasm/tape.ts";

/** `f32`: sums of up to 256 rows in f32, added up in f64. `f64`: everything in f64, at a third of the speed. */
export type GramPrecision = "f32" | "f64";

/** `count` f32 rows in the machine's memory, `ld` elements apart. Row i is row `index[i]` of those at `ptr`, or row i if `index` is 0. */
export interface IndexedRows {
  readonly ptr: number;
  readonly ld: number;
  /** Address of i32 row numbers; 0 for consecutive rows. */
  readonly index: number;
  readonly count: number;
}

/** Rows packed and multiplied at a time, which is also the longest sum in f32. */
const CHUNK_ROWS = 256;

/** The sum X^T X over input rows [T, K], in f64 in the engine's memory. Dispose it to free that memory. */
export class Hessian implements Disposable {
  readonly size: number;
  /** Address of the panels of X^T X; `bytes` long. */
  readonly ptr: number;
  readonly #machine: Machine;
  readonly #memory: Region;
  #rows = 0;

  constructor(machine: Machine, size: number) {
    if (!Number.isInteger(size) || size < 1) throw new UsageError("hessian size", String(size), "a positive integer");
    this.#machine = machine;
    this.size = size;
    this.#memory = machine.arena.region();
    this.ptr = this.#memory.alloc(this.#length() * 8);
    machine.arena.f64(this.ptr, this.#length()).fill(0);
  }

  [Symbol.dispose](): void {
    this.#memory[Symbol.dispose]();
  }

  /** Input rows added so far. */
  get rows(): number {
    return this.#rows;
  }

  get bytes(): number {
    return this.#length() * 8;
  }

  /** The factor 2/T from the stored sum to the Hessian; 0 before the first row. */
  scaled(): number {
    return this.#rows === 0 ? 0 : 2 / this.#rows;
  }

  /** Adds input rows, each [size]. */
  accumulate(inputs: IndexedRows, precision: GramPrecision = "f32"): void {
    using scratch = this.#machine.arena.region();
    this.#record(scratch, inputs, precision).run();
    this.#rows += inputs.count;
  }

  /** `accumulate` with pauses for the event loop. Gives the same bits. */
  async accumulateInTurns(inputs: IndexedRows, precision: GramPrecision, turns: Turns): Promise<void> {
    using scratch = this.#machine.arena.region();
    await this.#record(scratch, inputs, precision).runInTurns(turns);
    this.#rows += inputs.count;
  }

  /** Adds weight times the other's sum. The other's rows are counted with the same weight. */
  add(other: Hessian, weight: number = 1): void {
    this.#combine(other, 1, weight);
    this.#rows += weight * other.#rows;
  }

  /** Replaces H by (1 - weight) H + weight times the other's Hessian (both per row). The row count stays. */
  blend(other: Hessian, weight: number): void {
    if (!(weight >= 0 && weight <= 1)) throw new UsageError("blend weight", String(weight), "a number from 0 to 1");
    if (this.#rows === 0) {
      this.#combine(other, 0, 1);
      this.#rows = other.#rows;
      return;
    }
    this.#combine(other, 1 - weight, other.#rows === 0 ? 0 : (weight * this.#rows) / other.#rows);
  }

  /**
   * Shrinks H as if `priorRows` more rows had been seen whose channels have the same sizes and are uncorrelated: elements off the
   * diagonal are multiplied by rows / (rows + priorRows). With few rows the covariance overfits them. Ledoit and Wolf (2004) shrink it;
   * the diagonal is the target here, so that large channels keep their size.
   */
  shrink(priorRows: number): void {
    if (!(priorRows >= 0)) throw new UsageError("rows to shrink by", String(priorRows), "a number from 0");
    if (priorRows === 0 || this.#rows === 0) return;
    const sums = this.#machine.arena.f64(this.ptr, this.#length());
    const share = this.#rows / (this.#rows + priorRows);
    const diagonal = Float64Array.from({ length: this.size }, (_, i) => sums[elementAt(i, i)]);
    for (let i = 0; i < sums.length; i++) sums[i] *= share;
    for (let i = 0; i < this.size; i++) sums[elementAt(i, i)] = diagonal[i];
  }

  /** The diagonal of H. */
  diag(): Float64Array {
    const sums = this.#machine.arena.f64(this.ptr, this.#length());
    const scale = this.scaled();
    return Float64Array.from({ length: this.size }, (_, i) => sums[elementAt(i, i)] * scale);
  }

  /** H as a square [size, size], for tests and small matrices. */
  square(): Float64Array {
    const { size } = this;
    const sums = this.#machine.arena.f64(this.ptr, this.#length());
    const scale = this.scaled();
    const square = new Float64Array(size * size);
    for (let row = 0; row < size; row++)
      for (let col = 0; col <= row; col++)
        square[row * size + col] = square[col * size + row] = sums[elementAt(row, col)] * scale;
    return square;
  }

  /** The lower triangle of H by rows, [size (size + 1) / 2]. */
  triangle(): Float64Array {
    const sums = this.#machine.arena.f64(this.ptr, this.#length());
    const scale = this.scaled();
    const triangle = new Float64Array((this.size * (this.size + 1)) / 2);
    let at = 0;
    for (let row = 0; row < this.size; row++)
      for (let col = 0; col <= row; col++) triangle[at++] = sums[elementAt(row, col)] * scale;
    return triangle;
  }

  #length(): number {
    const panels = Math.ceil(this.size / 8);
    return 32 * panels * (panels + 1);
  }

  #record(scratch: Region, { ptr, ld, index: indexPtr, count }: IndexedRows, precision: GramPrecision): Tape {
    const tape = this.#machine.tape();
    const units = Math.ceil(this.size / 8);
    const exact = precision === "f64";
    const panels = scratch.alloc(Math.min(count, CHUNK_ROWS) * units * 32);
    for (let done = 0; done < count; done += CHUNK_ROWS) {
      const rows = Math.min(count - done, CHUNK_ROWS);
      const x = indexPtr === 0 ? ptr + done * ld * 4 : ptr;
      const index = indexPtr === 0 ? 0 : indexPtr + done * 4;
      tape.call("gram_pack", units, rows * 8, panels, x, index, ld, rows, this.size);
      const calls = gramUnits(this.size);
      const work = (this.size * this.size * rows * (exact ? 3 : 1)) / (2 * calls);
      tape.call(exact ? "gram_f64" : "gram_f32", calls, work, this.ptr, panels, rows, this.size);
    }
    return tape;
  }

  #combine(other: Hessian, own: number, weight: number): void {
    if (other.size !== this.size) throw new ShapeError("hessian", [this.size, this.size], [other.size, other.size]);
    const { arena } = this.#machine;
    const sums = arena.f64(this.ptr, this.#length());
    const others = arena.f64(other.ptr, other.#length());
    for (let i = 0; i < sums.length; i++) sums[i] = own * sums[i] + weight * others[i];
  }
}

/** Units of `gram_f32`: pairs of groups of 2 panels. Twin of GROUP in assembly/hessian/gram.ts. */
export function gramUnits(size: number): number {
  return Math.ceil(Math.ceil(size / 16) / 2);
}

/** Index of element (row, col), col <= row, in the panels. Twin of gramAt in assembly/hessian/gram.ts. */
function elementAt(row: number, col: number): number {
  const panel = row >> 3;
  return 32 * panel * (panel + 1) + (row & 7) * 8 * (panel + 1) + col;
}
