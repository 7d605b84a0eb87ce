/** Outlier score of every float linear: how far one input column's largest weight stands above that column's mean. */
import { readFloats } from "../model/load.ts";
import type { ModelFiles } from "../model/model.ts";
import { isQuantizable } from "../model/slots.ts";
import { Turns } from "../wasm/turns.ts";

export interface OutlierScore {
  /** Module name as the folder spells it. */
  readonly name: string;
  readonly outlier: number;
}

/** In slot order; linears that are packed already have no score. Reads one linear at a time, needs no engine. */
export async function outlierScores(
  files: ModelFiles,
  options: { readonly signal?: AbortSignal } = {},
): Promise<readonly OutlierScore[]> {
  const turns = new Turns(options.signal);
  const scores: OutlierScore[] = [];
  for (const placement of files.placements) {
    const { slot } = placement;
    if (placement.kind === "packed" || !isQuantizable(slot)) continue;
    const { name, rows, cols } = slot;
    const weights = await readFloats(files.index, placement.entry, placement.rowOffset * cols, rows * cols);
    scores.push({ name, outlier: outlierScore(weights, rows, cols) });
    await turns.pause();
  }
  return scores;
}

/** max over columns j of (max over rows |W_ij|) / (mean over rows |W_ij|); a column of zeros counts 0. */
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
