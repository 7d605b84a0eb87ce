/** Plain rounding of a matrix on its grids: the baseline of GPTQ, and its fallback. */
import { ShapeError, UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import type { Turns } from "../base/turns.ts";
import { groupCount, naturalGroups, naturalOrder, type QuantizedMatrix } from "../tensor/quantized-matrix.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Tape } from "../wasm/tape.ts";
import { checkGrid, checkScales, GRID_OPTIONS, type GridOptions, gridFlags, gridWork } from "./grid.ts";
import { type Batch, runBatches, type WeightMatrix } from "./row-batches.ts";

/** A matrix W[rows, cols] to round. */
export interface RtnInput extends WeightMatrix {
  /** Diagonal of the Hessian [cols], with dead columns counted as 1: needed by the `hessian` clip search. */
  readonly diagonal?: Float64Array;
}

/** A grid, and the turns of the job. */
export interface RtnRun extends GridOptions {
  readonly turns: Turns;
}

const OPTIONS: KnownOptions<RtnRun> = { ...GRID_OPTIONS, turns: true };

/** A matrix of zeroed codes and scales, to be filled. */
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
 * Rounds each weight to the nearest code. Groups are consecutive columns.
 * @throws UsageError for invalid options; ShapeError; NumericsError for weights that f16 scales cannot represent.
 */
export async function rtn(machine: Machine, input: RtnInput, options: RtnRun): Promise<QuantizedMatrix> {
  checkKnownOptions<RtnRun>("rtn", options, OPTIONS);
  const { weights, rows, cols, diagonal } = input;
  checkGrid(options);
  if (options.clip === "hessian" && diagonal === undefined)
    throw new UsageError("clip", "hessian without a diagonal", "the Hessian's diagonal, or clip none or mse");
  if (diagonal !== undefined && diagonal.length !== cols)
    throw new ShapeError("hessian diagonal", [cols], [diagonal.length]);
  const gIdx = naturalGroups(cols, options.groupSize);
  const matrix = emptyMatrix(rows, cols, options, gIdx, naturalOrder(cols));
  const { groups } = matrix;
  using scratch = machine.arena.region();
  const diagonalPtr = diagonal === undefined ? 0 : scratch.place(diagonal);
  const flags = gridFlags(options, false);
  const size = options.groupSize === -1 ? cols : options.groupSize;
  const record = (tape: Tape, { rows, units, weights, codes, scales, zeros }: Batch) => {
    const work = cols * (gridWork(options) + 64);
    tape.call("round_rows", units, work, codes, scales, zeros, weights, diagonalPtr, rows, cols, size, flags);
  };
  const collect = (batch: Batch) => collectMatrix(machine, matrix, batch);
  const work = { record, collect, turns: options.turns, tiled: false, name: options.name };
  await runBatches(machine, { weights, rows, cols, groups }, work);
  checkScales(matrix, options);
  return matrix;
}
