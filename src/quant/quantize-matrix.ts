/** Quantises one matrix from its weights and inputs alone, with all sums in f64. For experiments and comparisons. */
import { ShapeError, UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import type { Turns } from "../base/turns.ts";
import type { QuantizedMatrix } from "../tensor/quantized-matrix.ts";
import type { Machine } from "../wasm/machine.ts";
import { GPTQ_OPTIONS, type GptqOptions, type GptqResult, gptq } from "./gptq.ts";
import { gridOf } from "./grid.ts";
import { Hessian } from "./hessian.ts";
import { dampedTrace, dequantize, outputError, weightEnergy } from "./quantization-error.ts";
import { requireFiniteRows } from "./row-batches.ts";
import { rtn } from "./rtn.ts";

/** Result for one matrix [N, K]: codes, scales and zeros by group, the order of columns, and its errors beside those of plain rounding. */
export interface MatrixResult extends GptqResult {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly zeros: Uint8Array;
  readonly gIdx: Int32Array;
  readonly perm: Int32Array;
  readonly dequantised: Float32Array;
  /** tr(D H D^T) with the unchanged H: no dead columns replaced, no damping. */
  readonly outputError: number;
  /** The same for plain rounding on the same kind of grid. */
  readonly rtnOutputError: number;
  /** tr(W H W^T). */
  readonly weightEnergy: number;
}

export interface MatrixOptions extends GptqOptions {
  /** Default `gptq`. `rtn` rounds on the same kind of grid; its loss is measured with the same damping. */
  readonly method?: "gptq" | "rtn";
  /** Shrinks the Hessian as if this many more rows per column with independent channels had been seen. Default 0. */
  readonly shrinkage?: number;
}

/** Options of quantising, and the turns of the job. */
export interface MatrixRun extends MatrixOptions {
  readonly turns: Turns;
}

/** Weights W[rows, cols], and the inputs X[tokens, cols] on which errors are measured. */
export interface MatrixInput {
  readonly weights: Float32Array;
  readonly inputs: Float32Array;
  readonly rows: number;
  readonly cols: number;
  readonly tokens: number;
}

const OPTIONS: KnownOptions<MatrixRun> = { ...GPTQ_OPTIONS, method: true, shrinkage: true, turns: true };

function checkOptions(run: MatrixRun): void {
  checkKnownOptions<MatrixRun>("quantizeMatrix", run, OPTIONS);
  const { method = "gptq", shrinkage = 0 } = run;
  if (method !== "gptq" && method !== "rtn") throw new UsageError("method", String(method), "gptq or rtn");
  if (!(shrinkage >= 0 && shrinkage < Number.POSITIVE_INFINITY))
    throw new UsageError("shrinkage", String(shrinkage), "a number from 0");
}

/**
 * Quantises a matrix for its inputs. It never falls back to rounding because of too few tokens.
 * @throws UsageError for invalid options; ShapeError; NumericsError for weights or inputs that are not finite.
 */
export async function quantizeMatrix(machine: Machine, input: MatrixInput, run: MatrixRun): Promise<MatrixResult> {
  checkOptions(run);
  const { weights, inputs, rows, cols, tokens } = input;
  if (weights.length !== rows * cols) throw new ShapeError("weights", [rows, cols], [weights.length]);
  if (inputs.length !== tokens * cols) throw new ShapeError("inputs", [tokens, cols], [inputs.length]);
  if (tokens < 1) throw new UsageError("tokens", String(tokens), "at least one input row");
  requireFiniteRows("inputs", inputs, 0, cols);
  return machine.jobs.run(run.turns, (turns) => quantizeChecked(machine, input, { ...run, turns }));
}

async function quantizeChecked(machine: Machine, input: MatrixInput, run: MatrixRun): Promise<MatrixResult> {
  const { weights: w, rows, cols } = input;
  const { method, shrinkage = 0, ...grid } = run;
  const { turns, dampPercent } = run;
  using hessian = new Hessian(machine, cols);
  await addInputs(machine, hessian, input, turns);
  hessian.shrink(shrinkage * cols);
  const diagonal = hessian.diag().map((value) => (value === 0 ? 1 : value));
  const rounded = await rtn(machine, { weights: w, rows, cols, diagonal }, { ...gridOf(run), turns });
  const lambda = (dampPercent * diagonal.reduce((sum, value) => sum + value, 0)) / cols;
  const damped = { hessian, lambda, deadColumns: "keep" } as const;
  const result =
    method === "rtn"
      ? roundedResult(rounded, await dampedTrace(machine, w, rounded, damped, turns), { lambda, damp: dampPercent })
      : await gptq(machine, { weights: w, rows, cols, factor: hessian }, grid);
  const { codes, scales, zeros, gIdx, perm } = result.matrix;
  const dequantised = dequantize(result.matrix);
  await turns.pause();
  return {
    ...result,
    ...{ codes, scales, zeros, gIdx, perm, dequantised },
    outputError: (await outputError(machine, w, result.matrix, hessian, turns)).total,
    rtnOutputError: (await outputError(machine, w, rounded, hessian, turns)).total,
    weightEnergy: (await weightEnergy(machine, w, rows, hessian, turns)).total,
  };
}

async function addInputs(
  machine: Machine,
  hessian: Hessian,
  { inputs, tokens }: MatrixInput,
  turns: Turns,
): Promise<void> {
  using scratch = machine.arena.region();
  const ptr = scratch.place(inputs);
  await turns.pause();
  await hessian.accumulateInTurns({ ptr, ld: hessian.size, index: 0, count: tokens }, "f64", turns);
}

/** Plain rounding in the form of a GPTQ result. `trace` is its damped error. */
function roundedResult(
  matrix: QuantizedMatrix,
  trace: number,
  damping: Pick<GptqResult, "lambda" | "damp">,
): GptqResult {
  return { matrix, loss: 0.5 * trace, rowLoss: new Float64Array(matrix.rows), ...damping, method: "rtn" };
}
