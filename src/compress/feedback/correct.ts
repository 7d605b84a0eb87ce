/**
 * Corrects weights against an error: W - share * (sum r x^T) (sum x x^T)^-1, the least squares fit to the errors r of W's outputs on
 * the inputs x. The sample is small and the fit follows its noise, so only a share of it is applied.
 */

import type { Turns } from "../../base/turns.ts";
import { packRows } from "../../nn/emit.ts";
import { type Factor, factorize } from "../../quant/factor.ts";
import { Hessian } from "../../quant/hessian.ts";
import { stride } from "../../tensor/matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import { multiply, placeWritten, type WrittenNumbers } from "../windows/multiply.ts";

export interface Correction {
  /** Share of the error that is taken back if there are plenty of tokens. */
  readonly share: number;
  /** Shrinkage of x x^T, the same as for GPTQ's Hessians. */
  readonly shrinkage: number;
}

/** Tokens per column at which half of the share is applied. Measured (docs/results.md). */
const TRUST = 8;

/** Damping of the fit, as a share of the mean diagonal. */
const DAMP = 0.01;

/** Writes row `i` of a matrix. */
export type ReadRow = (i: number, row: Float32Array) => void;

/** Inputs and errors of a linear's rows. They are read once for each form in which they are needed, straight into the engine's memory. */
export interface CorrectionSample {
  readonly count: number;
  readonly cols: number;
  readonly outputs: number;
  /** How much the token of a row counts, from 0 to 1. */
  readonly weightOf: (i: number) => number;
  /** Row i of x [count, cols], times its weight. */
  readonly input: ReadRow;
  /** Row i of r [count, outputs], times its weight. */
  readonly error: ReadRow;
}

/** The tokens of a sample as far as they count: the sum of their squared weights. */
export function countedTokens({ count, weightOf }: Pick<CorrectionSample, "count" | "weightOf">): number {
  let counted = 0;
  for (let i = 0; i < count; i++) counted += weightOf(i) * weightOf(i);
  return counted;
}

/** x [count, cols]. */
function plainRows(count: number, cols: number, read: ReadRow): WrittenNumbers {
  return {
    length: count * cols,
    write(to) {
      for (let i = 0; i < count; i++) read(i, to.subarray(i * cols, (i + 1) * cols));
    },
  };
}

/** x^T [cols, count]. */
function transposedRows(count: number, cols: number, read: ReadRow): WrittenNumbers {
  return {
    length: cols * count,
    write(to) {
      const block = new Float32Array(BLOCK * cols);
      for (let first = 0; first < count; first += BLOCK) {
        const many = Math.min(BLOCK, count - first);
        for (let i = 0; i < many; i++) read(first + i, block.subarray(i * cols, (i + 1) * cols));
        transpose(block.subarray(0, many * cols), many, to.subarray(first), count);
      }
    },
  };
}

/** Rows that are transposed together: each column's numbers fill a cache line. */
const BLOCK = 16;

/** to[col * ld + row] = rows [many, cols]. */
function transpose(rows: Float32Array, many: number, to: Float32Array, ld: number): void {
  const cols = rows.length / many;
  for (let col = 0; col < cols; col++)
    for (let row = 0, from = col, at = col * ld; row < many; row++, from += cols, at++) to[at] = rows[from];
}

/**
 * Corrected weights [outputs, cols]; the given ones if the inputs do not span a fit, or if most tokens hardly count: an expert that sees little else
 * than first tokens would be refitted to write what those lack, a hundred times its own output, and would write it to all that come to it later.
 */
export async function corrected(
  machine: Machine,
  weights: Float32Array,
  sample: CorrectionSample,
  { share, shrinkage }: Correction,
  turns: Turns,
): Promise<Float32Array> {
  const { count, cols, outputs } = sample;
  const counted = countedTokens(sample);
  const part = (share * counted) / (counted + TRUST * cols);
  if (!(part > 0) || counted < count / 2) return weights;
  const inverse = await inverseOf(machine, sample, shrinkage, turns);
  if (inverse === undefined) return weights;
  const ld = stride(cols);
  const [errors, inputs] = [transposedRows(count, outputs, sample.error), transposedRows(count, cols, sample.input)];
  const cross = await multiply(machine, { x: errors, weights: inputs, cols: count }, turns);
  const step = await multiply(machine, { x: packRows(cross, ld, cols), weights: inverse, cols }, turns);
  const scale = (2 * part) / count;
  const correct = new Float32Array(weights.length);
  for (let at = 0, row = 0; at < weights.length; row += ld)
    for (let col = 0; col < cols; col++, at++) correct[at] = weights[at] - scale * step[row + col];
  return correct;
}

/** (2/T sum x x^T, shrunk and damped)^-1 [cols, cols]. */
async function inverseOf(
  machine: Machine,
  { count, cols, input }: CorrectionSample,
  shrinkage: number,
  turns: Turns,
): Promise<Float32Array | undefined> {
  using hessian = new Hessian(machine, cols);
  {
    using scratch = machine.arena.region();
    const ptr = placeWritten(machine, scratch, plainRows(count, cols, input));
    const inputs = { ptr, ld: cols, index: 0, count };
    await hessian.accumulateInTurns(inputs, "f32", turns);
  }
  hessian.shrink(shrinkage * cols);
  const options = { actOrder: "none", groupSize: -1, dampPercent: DAMP } as const;
  using factor = await factorize(machine, hessian, options, turns);
  return factor.failure === undefined ? await squareOf(machine, factor, turns) : undefined;
}

/** R^T R of a factor in packed panels of 4 columns: rows of `size`. */
async function squareOf(machine: Machine, { ptr, size }: Factor, turns: Turns): Promise<Float32Array> {
  using scratch = machine.arena.region();
  const padded = Math.ceil(size / 4) * 4;
  const out = scratch.alloc(4 * padded * padded);
  const tape = machine.tape();
  const units = Math.ceil(padded / 8);
  tape.call("square_f64", units, (padded * padded * padded) / 6 / units, out, ptr, padded);
  await tape.runInTurns(turns);
  return packRows(machine.arena.f32(out, size * padded), padded, size);
}
