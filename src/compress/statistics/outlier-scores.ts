/** Scores every float linear from its weights alone: an outlier score, and the kurtosis of its weights. */

import { Turns } from "../../base/turns.ts";
import type { ModelFiles, Progress } from "../../model/model.ts";
import { readWeights } from "../../model/weights/locate.ts";
import { isQuantizable } from "../../tensor/linear-shape.ts";

/** The outlier score of a linear's weights and their kurtosis; neither has a unit. */
export interface OutlierScore {
  /** Module name as spelled in the folder. */
  readonly name: string;
  /** Largest ratio of an input column's largest weight to that column's mean, in magnitudes. */
  readonly outlier: number;
  /** Excess kurtosis of all weights: 0 for a normal distribution. */
  readonly kurtosis: number;
}

/** Scores of all float linears, in the order of the forward pass; packed linears have none. Reads one linear at a time and needs no engine. */
export async function outlierScores(
  files: ModelFiles,
  options: { readonly signal?: AbortSignal; readonly onProgress?: (progress: Progress) => void } = {},
): Promise<readonly OutlierScore[]> {
  const turns = new Turns(options.signal);
  const scores: OutlierScore[] = [];
  const floats = files.linears.filter((linear) => linear.stored.kind === "float" && isQuantizable(linear));
  for (const [done, linear] of floats.entries()) {
    options.onProgress?.({ phase: "outliers", done, total: floats.length, unit: "matrices" });
    const { name, rows, cols } = linear;
    const weights = await readWeights(linear);
    scores.push({ name, outlier: outlierScore(weights, rows, cols), kurtosis: excessKurtosis(weights) });
    await turns.pause();
  }
  return scores;
}

/** max over columns j of (max over rows |W_ij|) / (mean over rows |W_ij|); a column of zeros counts as 0. */
export function outlierScore(weights: Float32Array, rows: number, cols: number): number {
  const sums = new Float64Array(cols);
  const largest = new Float64Array(cols);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++) {
      const size = Math.abs(weights[row * cols + col]);
      sums[col] += size;
      if (size > largest[col]) largest[col] = size;
    }
  let score = 0;
  for (let col = 0; col < cols; col++) if (sums[col] > 0) score = Math.max(score, (largest[col] * rows) / sums[col]);
  return score;
}

/** m4 / m2^2 - 3 with central moments over all values; 0 if all values are equal. */
export function excessKurtosis(weights: Float32Array): number {
  let mean = 0;
  for (const weight of weights) mean += weight;
  mean /= weights.length;
  let [second, fourth] = [0, 0];
  for (const weight of weights) {
    const square = (weight - mean) * (weight - mean);
    second += square;
    fourth += square * square;
  }
  return second > 0 ? (fourth * weights.length) / (second * second) - 3 : 0;
}
