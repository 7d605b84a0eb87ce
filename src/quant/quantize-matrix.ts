/** GPTQ of one matrix from its weights and inputs alone, everything in f64: for experiments and comparisons. */
import { ShapeError, UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import type { Turns } from "../base/turns.ts";
import type { QuantizedMatrix } from "../tensor/quantized-matrix.ts";
import type { Machine } from "../wasm/machine.ts";
import { type GptqOptions, type GptqResult, gptq } from "./gptq.ts";
import { Hessian } from "./hessian.ts";
import { dampedTrace, dequantize, outputError, weightEnergy } from "./quantization-error.ts";
import { requireFiniteRows } from "./row-batches.ts";
import { rtn } from "./rtn.ts";

/**
 * GPTQ of one matrix [N, K]: codes, scales and zeros by group, the order of columns, and errors beside those of plain
 * rounding.
 */
export interface MatrixResult extends GptqResult {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly zeros: Uint8Array;
  readonly gIdx: Int32Array;
  readonly perm: Int32Array;
  readonly dequantised: Float32Array;
  /** tr(D H D^T), H as it is: no dead fix, no damping. */
  readonly outputError: number;
  /** The same for plain rounding on the same kind of grid. */
  readonly rtnOutputError: number;
  /** tr(W H W^T). */
  readonly weightEnergy: number;
}

export interface MatrixOptions extends GptqOptions {
  /** Default `gptq`. `rtn` rounds on the same kind of grid; its loss is measured with the same damping. */
  readonly method?: "gptq" | "rtn";
  /** Further rows of independent channels for each column, by which the Hessian is shrunk. Default 0. */
  readonly shrinkage?: number;
}

const OPTIONS: KnownOptions<MatrixOptions> = {
  ...{ bits: true, groupSize: true, symmetric: true, clip: true, scaleRounding: true, name: true },
  ...{ actOrder: true, staticGroups: true, deadColumns: true, dampPercent: true, dampIncrement: true },
  ...{ method: true, shrinkage: true },
};

function checkOptions(options: MatrixOptions): void {
  checkKnownOptions<MatrixOptions>("quantizeMatrix", options, OPTIONS);
  const { method = "gptq", shrinkage = 0 } = options;
  if (method !== "gptq" && method !== "rtn") throw new UsageError("method", String(method), "gptq or rtn");
  if (!(shrinkage >= 0 && shrinkage < Number.POSITIVE_INFINITY))
    throw new UsageError("shrinkage", String(shrinkage), "a number from 0");
}

/** Quantises w[rows, cols] for the inputs x[tokens, cols]. Never falls back because tokens are few. */
export async function quantizeMatrix(
  machine: Machine,
  w: Float32Array,
  x: Float32Array,
  rows: number,
  cols: number,
  tokens: number,
  options: MatrixOptions,
  turns: Turns,
): Promise<MatrixResult> {
  checkOptions(options);
  if (w.length !== rows * cols) throw new ShapeError("weights", [rows, cols], [w.length]);
  if (x.length !== tokens * cols) throw new ShapeError("inputs", [tokens, cols], [x.length]);
  if (tokens < 1) throw new UsageError("tokens", String(tokens), "at least one input row");
  requireFiniteRows("inputs", x, 0, cols);
  return machine.jobs.run(turns, (own) => quantizeChecked(machine, w, x, rows, cols, tokens, options, own));
}

async function quantizeChecked(
  machine: Machine,
  w: Float32Array,
  x: Float32Array,
  rows: number,
  cols: number,
  tokens: number,
  options: MatrixOptions,
  turns: Turns,
): Promise<MatrixResult> {
  using hessian = new Hessian(machine, cols);
  await addInputs(machine, hessian, x, tokens, turns);
  hessian.shrink((options.shrinkage ?? 0) * cols);
  const diagonal = hessian.diag().map((value) => (value === 0 ? 1 : value));
  const rounded = await rtn(machine, w, rows, cols, options, turns, diagonal);
  const result =
    options.method === "rtn"
      ? await roundedResult(machine, w, rounded, hessian, diagonal, options, turns)
      : await gptq(machine, w, rows, cols, hessian, options, turns);
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
  x: Float32Array,
  tokens: number,
  turns: Turns,
): Promise<void> {
  using scratch = machine.arena.region();
  const inputs = scratch.place(x);
  await turns.pause();
  await hessian.accumulateInTurns(inputs, hessian.size, 0, tokens, "f64", turns);
}

/** Plain rounding in the form of a GPTQ result. */
async function roundedResult(
  machine: Machine,
  w: Float32Array,
  matrix: QuantizedMatrix,
  hessian: Hessian,
  diagonal: Float64Array,
  { dampPercent }: GptqOptions,
  turns: Turns,
): Promise<GptqResult> {
  const lambda = (dampPercent * diagonal.reduce((sum, value) => sum + value, 0)) / diagonal.length;
  const trace = await dampedTrace(machine, w, matrix, hessian, { lambda, deadColumns: "keep" }, turns);
  return {
    matrix,
    loss: 0.5 * trace,
    rowLoss: new Float64Array(matrix.rows),
    lambda,
    damp: dampPercent,
    method: "rtn",
  };
}
