/** Plain rounding of a matrix on its grids: the baseline of GPTQ, and its last resort. */
import { ShapeError, UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";
import { groupCount, naturalGroups, naturalOrder, type QuantizedMatrix } from "../tensor/quantized-matrix.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Tape } from "../wasm/tape.ts";
import { checkGrid, checkScales, columnWords, type GridOptions, gridFlags, gridWork } from "./grid.ts";
import { type Batch, type MatrixWeights, runBatches } from "./row-batches.ts";

/** Empty outputs of a matrix. */
export function emptyMatrix(
  rows: number,
  cols: number,
  options: GridOptions,
  gIdx: Int32Array,
  perm: Int32Array,
): QuantizedMatrix {
  const groups = groupCount(cols, options.groupSize);
  const { bits, groupSize } = options;
  const codes = new Uint8Array(rows * cols);
  const scales = new Float32Array(rows * groups);
  return { rows, cols, bits, groupSize, groups, codes, scales, zeros: new Uint8Array(rows * groups), gIdx, perm };
}

/** Copies a batch's codes, scales and zeros out of the arena. */
export function collectMatrix(machine: Machine, matrix: QuantizedMatrix, batch: Batch): void {
  const { arena } = machine;
  const { cols, groups } = matrix;
  matrix.codes.set(arena.u8(batch.codes, batch.rows * cols), batch.row * cols);
  matrix.scales.set(arena.f32(batch.scales, batch.rows * groups), batch.row * groups);
  matrix.zeros.set(arena.u8(batch.zeros, batch.rows * groups), batch.row * groups);
}

/**
 * Rounds each weight to the nearest code; groups are consecutive columns.
 * @throws NumericsError for weights that scales in f16 cannot say.
 * @param hessianDiag diagonal of H with dead columns counted as 1: needed by the `hessian` clip search.
 */
export async function rtn(
  machine: Machine,
  weights: MatrixWeights,
  rows: number,
  cols: number,
  options: GridOptions,
  turns: Turns,
  hessianDiag?: Float64Array,
): Promise<QuantizedMatrix> {
  checkGrid(options);
  if (options.clip === "hessian" && hessianDiag === undefined)
    throw new UsageError("clip", "hessian without a diagonal", "the Hessian's diagonal, or clip none or mse");
  if (hessianDiag !== undefined && hessianDiag.length !== cols)
    throw new ShapeError("hessian diagonal", [cols], [hessianDiag.length]);
  const gIdx = naturalGroups(cols, options.groupSize);
  const matrix = emptyMatrix(rows, cols, options, gIdx, naturalOrder(cols));
  const { groups } = matrix;
  using scratch = machine.arena.region();
  const columns = scratch.place(columnWords(matrix.perm, gIdx));
  const diagonal = hessianDiag === undefined ? 0 : scratch.place(hessianDiag);
  const flags = gridFlags(options, false);
  const record = (tape: Tape, { rows, units, tiles, weights, codes, scales, zeros }: Batch) => {
    tape.call("tile_load_f64", units, cols * 16, tiles, weights, columns, 0, rows, cols);
    const work = cols * gridWork(options);
    tape.call("grid_f64", units, work, scales, zeros, tiles, columns, diagonal, rows, cols, groups, flags);
    tape.call("round_f64", units, cols * 64, codes, tiles, scales, zeros, columns, rows, cols, groups, flags);
  };
  await runBatches(machine, weights, matrix, turns, record, (batch) => collectMatrix(machine, matrix, batch));
  checkScales(matrix, options);
  return matrix;
}
