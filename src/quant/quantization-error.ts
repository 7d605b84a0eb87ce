/** Measures a quantised matrix's output error over the calibration inputs, and dequantises it. D = dequantised - W. */
import { ShapeError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../tensor/quantized-matrix.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Tape } from "../wasm/tape.ts";
import { columnWords } from "./grid.ts";
import type { Hessian } from "./hessian.ts";
import { type Batch, type MatrixWeights, runBatches } from "./row-batches.ts";

/** A sum over rows, in total and by row. */
export interface RowSum {
  readonly total: number;
  readonly rows: Float64Array;
}

/** tr(D H D^T): twice the mean squared error of the outputs over input rows. */
export async function outputError(
  machine: Machine,
  weights: MatrixWeights,
  matrix: QuantizedMatrix,
  hessian: Hessian,
  turns: Turns,
): Promise<RowSum> {
  return await trace(machine, weights, matrix, hessian, turns);
}

/** tr(W H W^T), the reference for the output error. */
export async function weightEnergy(
  machine: Machine,
  weights: MatrixWeights,
  rows: number,
  hessian: Hessian,
  turns: Turns,
): Promise<RowSum> {
  return await trace(machine, weights, rows, hessian, turns);
}

/** tr(D H D^T) / tr(W H W^T); 0 if both are 0. */
export async function relativeError(
  machine: Machine,
  weights: MatrixWeights,
  matrix: QuantizedMatrix,
  hessian: Hessian,
  turns: Turns,
): Promise<number> {
  const { total } = await outputError(machine, weights, matrix, hessian, turns);
  if (total === 0) return 0;
  return total / (await weightEnergy(machine, weights, matrix.rows, hessian, turns)).total;
}

/** A Hessian, the damping added to its diagonal, and the treatment of dead columns in quantising. */
export interface DampedHessian {
  readonly hessian: Hessian;
  readonly lambda: number;
  readonly deadColumns: "keep" | "zero";
}

/** tr(D (H' + lambda I) D^T), twice the loss of GPTQ. */
export async function dampedTrace(
  machine: Machine,
  weights: MatrixWeights,
  matrix: QuantizedMatrix,
  { hessian, lambda, deadColumns }: DampedHessian,
  turns: Turns,
): Promise<number> {
  const { total } = await outputError(machine, weights, matrix, hessian, turns);
  const { rows, cols, groups, codes, scales, zeros, gIdx } = matrix;
  const dead = hessian.diag().map((value) => (value === 0 ? 1 : 0));
  const zeroed = deadColumns === "zero";
  const w = typeof weights === "number" ? machine.arena.f32(weights, rows * cols) : weights;
  let sum = 0;
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) {
      const group = row * groups + gIdx[col];
      const at = row * cols + col;
      const d = scales[group] * (codes[at] - zeros[group]) - (zeroed && dead[col] === 1 ? 0 : w[at]);
      sum += (lambda + dead[col]) * d * d;
    }
  return total + sum;
}

/** W[rows, cols] = scale (code - zero), exact in f32 for f16 scales. */
export function dequantize(matrix: QuantizedMatrix): Float32Array {
  const { rows, cols, groups, codes, scales, zeros, gIdx } = matrix;
  const out = new Float32Array(rows * cols);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) {
      const group = row * groups + gIdx[col];
      out[row * cols + col] = scales[group] * (codes[row * cols + col] - zeros[group]);
    }
  return out;
}

/** tr(D H D^T) of a quantised matrix. If only the number of rows is given, tr(W H W^T). */
async function trace(
  machine: Machine,
  weights: MatrixWeights,
  of: QuantizedMatrix | number,
  hessian: Hessian,
  turns: Turns,
): Promise<RowSum> {
  const matrix = typeof of === "number" ? undefined : of;
  const rows = typeof of === "number" ? of : of.rows;
  const cols = hessian.size;
  if (matrix !== undefined && matrix.cols !== cols)
    throw new ShapeError("hessian", [matrix.cols, matrix.cols], [cols, cols]);
  const groups = matrix?.groups ?? 1;
  const sums = new Float64Array(rows);
  using scratch = machine.arena.region();
  const columns = scratch.place(columnWords(naturalOrder(cols), matrix?.gIdx ?? naturalGroups(cols, -1)));
  const record = (tape: Tape, batch: Batch) => {
    if (matrix !== undefined) placeMatrix(machine, matrix, batch);
    const codes = matrix === undefined ? 0 : batch.codes;
    const { tiles, scales, zeros, weights: w, rows: count } = batch;
    // biome-ignore format: one line a call
    tape.call("trace_f64", batch.units, 8 * cols * cols, batch.sums, tiles, codes, scales, zeros, columns, w, hessian.ptr, count, cols, groups);
  };
  const collect = (batch: Batch) => sums.set(machine.arena.f64(batch.sums, batch.rows), batch.row);
  await runBatches(machine, { weights, rows, cols, groups }, { record, collect, turns });
  const scale = hessian.scaled();
  const scaled = sums.map((value) => value * scale);
  return { total: scaled.reduce((sum, value) => sum + value, 0), rows: scaled };
}

/** Copies a batch's codes, scales and zeros into the arena. */
function placeMatrix(machine: Machine, matrix: QuantizedMatrix, batch: Batch): void {
  const { arena } = machine;
  const { cols, groups } = matrix;
  const { row, rows } = batch;
  const end = row + rows;
  arena.u8(batch.codes, rows * cols).set(matrix.codes.subarray(row * cols, end * cols));
  arena.f32(batch.scales, rows * groups).set(matrix.scales.subarray(row * groups, end * groups));
  arena.u8(batch.zeros, rows * groups).set(matrix.zeros.subarray(row * groups, end * groups));
}
