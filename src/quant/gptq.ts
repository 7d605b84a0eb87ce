/** GPTQ of one matrix (Frantar et al. 2022, arXiv:2210.17323): columns in order, each error pushed onto those to come. */
import { ShapeError, UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../tensor/quantized-matrix.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import type { Tape } from "../wasm/tape.ts";
import { type ActOrder, columnGroups } from "./column-order.ts";
import { type Factor, factorize } from "./factor.ts";
import { beyondF16, checkGrid, checkScales, columnWords, type GridOptions, gridFlags, gridWork } from "./grid.ts";
import { Hessian } from "./hessian.ts";
import { outputError } from "./quantization-error.ts";
import { type Batch, type MatrixWeights, runBatches } from "./row-batches.ts";
import { collectMatrix, emptyMatrix, rtn } from "./rtn.ts";

/**
 * A grid, and how GPTQ walks it: order of the columns, groups, dead columns, and damping as a part of the Hessian's
 * mean diagonal.
 */
export interface GptqOptions extends GridOptions {
  readonly actOrder: ActOrder;
  /** Find all grids first, on the unchanged weights, in groups of consecutive columns. */
  readonly staticGroups: boolean;
  /** Weights of columns whose input was always 0: rounded like any other, or set to 0 (as published). */
  readonly deadColumns: "keep" | "zero";
  readonly dampPercent: number;
  /** Added to dampPercent after a failed factorisation. Default 0.01. */
  readonly dampIncrement?: number;
}

/**
 * A quantised matrix, its loss (squared error of the outputs, summed over tokens) as a whole and by row, and the
 * damping it took.
 */
export interface GptqResult {
  readonly matrix: QuantizedMatrix;
  /** Sum of (w - q)^2 / d^2 / 2 = 0.5 tr(D (H' + lambda I) D^T); for `rtn` 0.5 tr(D H D^T). */
  readonly loss: number;
  readonly rowLoss: Float64Array;
  readonly lambda: number;
  /** The dampPercent that was needed. */
  readonly damp: number;
  readonly method: "gptq" | "rtn";
  /** Why it was not done as asked: the matrix was rounded instead, or damped more (`method` and `damp` say which). */
  readonly fallback?: string;
}

/** Shares of damping below this may leave a Hessian of low rank to noise. */
const LITTLE_DAMP = 1e-3;

/**
 * Quantises W[rows, cols]. A `Factor` serves all matrices with the same input; a `Hessian` is factored here.
 * When the Hessian will not factor, the matrix is rounded and `fallback` says why; where it is
 * damped so little that rounding does better, it is damped more.
 * @throws NumericsError for weights that scales in f16 cannot say.
 */
export async function gptq(
  machine: Machine,
  weights: MatrixWeights,
  rows: number,
  cols: number,
  source: Factor | Hessian,
  options: GptqOptions,
  turns: Turns,
): Promise<GptqResult> {
  checkGptq(options, cols, source);
  using own = source instanceof Hessian ? await factorize(machine, source, options, turns) : undefined;
  const factor = own ?? (source as Factor);
  const { failure, damp } = factor;
  if (failure !== undefined) return await roundInstead(machine, weights, rows, factor, failure, options, turns);
  const result = await columnLoop(machine, weights, rows, factor, options, turns);
  if (damp >= LITTLE_DAMP || result.method === "rtn") return result;
  return await unlessRoundingWins(machine, weights, result, factor, options, turns);
}

/** An undamped result that costs more than rounding is replaced by a damped one, and by rounding where that is no better. */
async function unlessRoundingWins(
  machine: Machine,
  weights: MatrixWeights,
  result: GptqResult,
  factor: Factor,
  options: GptqOptions,
  turns: Turns,
): Promise<GptqResult> {
  const { hessian, damp } = factor;
  const { rows } = result.matrix;
  const errorOf = async ({ matrix }: GptqResult) =>
    (await outputError(machine, weights, matrix, hessian, turns)).total / 2;
  const reason = `with damping ${damp} its loss was above that of rounding`;
  const rounded = await roundInstead(machine, weights, rows, factor, reason, options, turns);
  if ((await errorOf(result)) <= rounded.loss) return result;
  const { dampIncrement = 0.01 } = options;
  if (dampIncrement === 0) return rounded;
  const more = { ...options, dampPercent: damp + dampIncrement };
  using again = await factorize(machine, hessian, more, turns);
  if (again.failure !== undefined) return rounded;
  const damped = await columnLoop(machine, weights, rows, again, options, turns);
  if (damped.method === "rtn" || !((await errorOf(damped)) <= rounded.loss)) return rounded;
  return { ...damped, fallback: reason };
}

function checkGptq(options: GptqOptions, cols: number, source: Factor | Hessian): void {
  checkGrid(options);
  if (options.deadColumns !== "keep" && options.deadColumns !== "zero")
    throw new UsageError("deadColumns", String(options.deadColumns), "keep or zero");
  if (source.size !== cols) throw new ShapeError("hessian", [cols, cols], [source.size, source.size]);
  if (source instanceof Hessian) return;
  const sameGroups = options.actOrder !== "gar" || options.groupSize === source.groupSize;
  if (options.actOrder !== source.actOrder || !sameGroups)
    throw new UsageError(
      "actOrder",
      `${options.actOrder} with groupSize ${options.groupSize}`,
      `${source.actOrder} with groupSize ${source.groupSize}, as the factor was made`,
    );
}

async function columnLoop(
  machine: Machine,
  weights: MatrixWeights,
  rows: number,
  factor: Factor,
  options: GptqOptions,
  turns: Turns,
): Promise<GptqResult> {
  const { perm, lambda, damp, size: cols } = factor;
  const dynamic = !options.staticGroups && options.groupSize !== -1;
  const gIdx = columnGroups(perm, options.groupSize, dynamic && options.actOrder === "desc");
  const matrix = emptyMatrix(rows, cols, options, gIdx, perm);
  const rowLoss = new Float64Array(rows);
  using scratch = machine.arena.region();
  const record = recorder(scratch, matrix, factor, options, dynamic);
  await runBatches(machine, weights, matrix, turns, record, (batch) => {
    collectMatrix(machine, matrix, batch);
    rowLoss.set(machine.arena.f64(batch.sums, batch.rows), batch.row);
  });
  const loss = rowLoss.reduce((sum, value) => sum + value, 0);
  const problem = !Number.isFinite(loss)
    ? `the column loop's loss is ${loss}`
    : beyondF16(matrix, options) >= 0
      ? "the column loop needs a scale beyond f16"
      : undefined;
  if (problem !== undefined) return await roundInstead(machine, weights, rows, factor, problem, options, turns);
  checkScales(matrix, options);
  return { matrix, loss, rowLoss, lambda, damp, method: "gptq" };
}

/** Puts what all batches share into scratch memory; the result records the kernel calls of one batch. */
function recorder(
  scratch: Region,
  matrix: QuantizedMatrix,
  factor: Factor,
  options: GptqOptions,
  dynamic: boolean,
): (tape: Tape, batch: Batch) => void {
  const { cols, groups, perm, gIdx } = matrix;
  const ordered = scratch.place(columnWords(perm, gIdx));
  const natural = scratch.place(columnWords(naturalOrder(cols), naturalGroups(cols, options.groupSize)));
  const diagonal = scratch.place(factor.diagonal);
  const orderedDiagonal = scratch.place(Float64Array.from(perm, (col) => factor.diagonal[col]));
  const zeroed = options.deadColumns === "zero" ? scratch.place(factor.dead) : 0;
  // A whole row's grid is found before dead columns are zeroed, as published.
  const zeroedFirst = options.groupSize === -1 ? 0 : zeroed;
  const flags = gridFlags(options, dynamic);
  const search = cols * gridWork(options);
  return (tape, { rows, units, tiles, weights, codes, scales, zeros, sums }) => {
    if (!dynamic) {
      tape.call("tile_load_f64", units, cols * 16, tiles, weights, natural, zeroedFirst, rows, cols);
      tape.call("grid_f64", units, search, scales, zeros, tiles, natural, diagonal, rows, cols, groups, flags);
    }
    tape.call("tile_load_f64", units, cols * 16, tiles, weights, ordered, zeroed, rows, cols);
    const work = 8 * cols * cols + (dynamic ? search : 0);
    // biome-ignore format: one line a call
    tape.call("gptq_f64", units, work, codes, scales, zeros, sums, tiles, factor.ptr, ordered, orderedDiagonal, rows, cols, groups, flags);
  };
}

async function roundInstead(
  machine: Machine,
  weights: MatrixWeights,
  rows: number,
  factor: Factor,
  fallback: string,
  options: GptqOptions,
  turns: Turns,
): Promise<GptqResult> {
  const { diagonal, size, damp, hessian } = factor;
  const matrix = await rtn(machine, weights, rows, size, options, turns, diagonal);
  const { total, rows: perRow } = await outputError(machine, weights, matrix, hessian, turns);
  const rowLoss = perRow.map((value) => value / 2);
  return { matrix, loss: total / 2, rowLoss, lambda: 0, damp, method: "rtn", fallback };
}
