/** GPTQ of one matrix (Frantar et al. 2022, arXiv:2210.17323): rounds columns in order, and moves each error to the columns after it. */
import { ShapeError, UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import type { Turns } from "../base/turns.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../tensor/quantized-matrix.ts";
import type { Machine } from "../wasm/machine.ts";
import type { Region } from "../wasm/memory/region.ts";
import type { Tape } from "../wasm/tape.ts";
import { type ActOrder, columnGroups } from "./column-order.ts";
import { type Factor, factorize } from "./factor.ts";
import {
  beyondF16,
  checkGrid,
  checkScales,
  columnWords,
  GRID_OPTIONS,
  type GridOptions,
  gridFlags,
  gridOf,
  gridWork,
} from "./grid.ts";
import { Hessian } from "./hessian.ts";
import { outputError } from "./quantization-error.ts";
import { type Batch, runBatches, type WeightMatrix } from "./row-batches.ts";
import { collectMatrix, emptyMatrix, rtn } from "./rtn.ts";

/** A grid and GPTQ's options: column order, groups, dead columns, and damping relative to the Hessian's mean diagonal. */
export interface GptqOptions extends GridOptions {
  readonly actOrder: ActOrder;
  /** Finds all grids first, on the unchanged weights, in groups of consecutive columns. */
  readonly staticGroups: boolean;
  /** Treatment of weights whose input was always 0: `keep` rounds them like any other, `zero` sets them to 0 (as published). */
  readonly deadColumns: "keep" | "zero";
  readonly dampPercent: number;
  /** Added to dampPercent after a failed factorisation. Default 0.01. */
  readonly dampIncrement?: number;
}

/** The names of the options of GPTQ. */
export const GPTQ_OPTIONS: KnownOptions<GptqOptions> = {
  ...GRID_OPTIONS,
  ...{ actOrder: true, staticGroups: true, deadColumns: true, dampPercent: true, dampIncrement: true },
};

/** A quantised matrix, its loss (squared error of the outputs, averaged over input rows) in total and by row, and the damping used. */
export interface GptqResult {
  readonly matrix: QuantizedMatrix;
  /** Sum of (w - q)^2 / d^2 / 2 = 0.5 tr(D (H' + lambda I) D^T); for `rtn` 0.5 tr(D H D^T). */
  readonly loss: number;
  readonly rowLoss: Float64Array;
  readonly lambda: number;
  /** The dampPercent that was needed. */
  readonly damp: number;
  readonly method: "gptq" | "rtn";
  /** Reason for a fallback: the matrix was rounded instead, or damped more (see `method` and `damp`). */
  readonly fallback?: string;
}

/** Tiles of 16 rows in a unit of the column loop. Twin of TILES in assembly/gptq/gptq.ts. */
const UNIT_TILES = 4;

/** Below this share of damping, a Hessian of low rank may be dominated by noise. */
const LITTLE_DAMP = 1e-3;

/** A matrix W[rows, cols], and the Hessian of its inputs or a factor of it. */
export interface GptqInput extends WeightMatrix {
  /** A `Factor` serves all matrices with the same input. A `Hessian` is factored for this matrix only. */
  readonly factor: Factor | Hessian;
}

/** GPTQ's options, and the turns of the job. */
export interface GptqRun extends GptqOptions {
  readonly turns: Turns;
}

const OPTIONS: KnownOptions<GptqRun> = { ...GPTQ_OPTIONS, turns: true };

/** Inputs of every step of one matrix. */
interface MatrixWork {
  readonly machine: Machine;
  readonly matrix: WeightMatrix;
  readonly factor: Factor;
  readonly options: GptqOptions;
  readonly turns: Turns;
}

/**
 * Quantises W[rows, cols]. If the Hessian cannot be factored, the matrix is rounded and `fallback` states why. If the damping is so
 * small that rounding does better, it is increased.
 * @throws UsageError for invalid options; ShapeError; NumericsError for weights that f16 scales cannot represent.
 */
export async function gptq(machine: Machine, input: GptqInput, run: GptqRun): Promise<GptqResult> {
  checkKnownOptions<GptqRun>("gptq", run, OPTIONS);
  const { turns, ...options } = run;
  const { weights, rows, cols, factor: given } = input;
  checkGptq(options, cols, given);
  using own = given instanceof Hessian ? await factorize(machine, given, options, turns) : undefined;
  const factor = own ?? (given as Factor);
  const work = { machine, matrix: { weights, rows, cols }, factor, options, turns };
  const { failure, damp } = factor;
  if (failure !== undefined) return await roundInstead(work, failure);
  const result = await columnLoop(work);
  if (damp >= LITTLE_DAMP || result.method === "rtn") return result;
  return await unlessRoundingWins(work, result);
}

/** If an undamped result has more loss than rounding, replaces it by a damped one, or by rounding if that is no better. */
async function unlessRoundingWins(work: MatrixWork, result: GptqResult): Promise<GptqResult> {
  const { machine, options, turns } = work;
  const { hessian, damp } = work.factor;
  const errorOf = async ({ matrix }: GptqResult) =>
    (await outputError(machine, work.matrix.weights, matrix, hessian, turns)).total / 2;
  const reason = `with damping ${damp} its loss was above that of rounding`;
  const rounded = await roundInstead(work, reason);
  if ((await errorOf(result)) <= rounded.loss) return result;
  const { dampIncrement = 0.01 } = options;
  if (dampIncrement === 0) return rounded;
  const more = { ...options, dampPercent: damp + dampIncrement };
  using again = await factorize(machine, hessian, more, turns);
  if (again.failure !== undefined) return rounded;
  const damped = await columnLoop({ ...work, factor: again });
  if (damped.method === "rtn" || !((await errorOf(damped)) <= rounded.loss)) return rounded;
  return { ...damped, fallback: reason };
}

function checkGptq(options: GptqOptions, cols: number, factor: Factor | Hessian): void {
  checkGrid(options);
  if (options.deadColumns !== "keep" && options.deadColumns !== "zero")
    throw new UsageError("deadColumns", String(options.deadColumns), "keep or zero");
  if (factor.size !== cols) throw new ShapeError("hessian", [cols, cols], [factor.size, factor.size]);
  if (factor instanceof Hessian) return;
  const sameGroups = options.actOrder !== "gar" || options.groupSize === factor.groupSize;
  if (options.actOrder !== factor.actOrder || !sameGroups)
    throw new UsageError(
      "actOrder",
      `${options.actOrder} with groupSize ${options.groupSize}`,
      `${factor.actOrder} with groupSize ${factor.groupSize}, as the factor was made`,
    );
}

async function columnLoop(work: MatrixWork): Promise<GptqResult> {
  const { machine, factor, options, turns } = work;
  const { weights, rows, cols } = work.matrix;
  const { perm, lambda, damp } = factor;
  const dynamic = !options.staticGroups && options.groupSize !== -1;
  const gIdx = columnGroups(perm, options.groupSize, dynamic && options.actOrder === "desc");
  const matrix = emptyMatrix(rows, cols, options, gIdx, perm);
  const rowLoss = new Float64Array(rows);
  using scratch = machine.arena.region();
  const record = recorder(scratch, matrix, factor, options, dynamic);
  const collect = (batch: Batch) => {
    collectMatrix(machine, matrix, batch);
    rowLoss.set(machine.arena.f64(batch.sums, batch.rows), batch.row);
  };
  await runBatches(
    machine,
    { weights, rows, cols, groups: matrix.groups },
    { record, collect, turns, name: options.name },
  );
  const loss = rowLoss.reduce((sum, value) => sum + value, 0);
  const problem = !Number.isFinite(loss)
    ? `the column loop's loss is ${loss}`
    : beyondF16(matrix, options) >= 0
      ? "the column loop needs a scale beyond f16"
      : undefined;
  if (problem !== undefined) return await roundInstead(work, problem);
  checkScales(matrix, options);
  return { matrix, loss, rowLoss, lambda, damp, method: "gptq" };
}

/** Places the data that all batches share in scratch memory, and records the kernel calls of one batch. */
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
  // A whole row's grid is found before dead columns are set to 0, as published.
  const zeroedFirst = options.groupSize === -1 ? 0 : zeroed;
  const flags = gridFlags(options, dynamic);
  const search = cols * gridWork(options);
  return (tape, { rows, units, tiles, weights, codes, scales, zeros, sums }) => {
    if (!dynamic) {
      tape.call("tile_load_f64", units, cols * 16, tiles, weights, natural, zeroedFirst, rows, cols);
      tape.call("grid_f64", units, search, scales, zeros, tiles, natural, diagonal, rows, cols, groups, flags);
    }
    tape.call("tile_load_f64", units, cols * 16, tiles, weights, ordered, zeroed, rows, cols);
    const work = UNIT_TILES * (8 * cols * cols + (dynamic ? search : 0));
    const loops = Math.ceil(units / UNIT_TILES);
    // biome-ignore format: one line a call
    tape.call("gptq_f64", loops, work, codes, scales, zeros, sums, tiles, factor.ptr, ordered, orderedDiagonal, rows, cols, groups, flags);
  };
}

async function roundInstead(work: MatrixWork, fallback: string): Promise<GptqResult> {
  const { machine, turns } = work;
  const { diagonal, damp, hessian } = work.factor;
  const matrix = await rtn(machine, { ...work.matrix, diagonal }, { ...gridOf(work.options), turns });
  const { total, rows: perRow } = await outputError(machine, work.matrix.weights, matrix, hessian, turns);
  const rowLoss = perRow.map((value) => value / 2);
  return { matrix, loss: total / 2, rowLoss, lambda: 0, damp, method: "rtn", fallback };
}
