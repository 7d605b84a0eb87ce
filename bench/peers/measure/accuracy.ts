/**
 * How far the logits of engines are from a pass in float64 over the same file, whose weights are read exactly: the mean absolute
 * difference over all positions and tokens, and the mean KL divergence.
 */
import { readFileSync } from "node:fs";
import { naiveLogits } from "../../../test/reference/gguf-model.ts";

/** ln of the probabilities of a row of logits. */
function logProbabilities(logits: ArrayLike<number>): Float64Array {
  const row = Float64Array.from(logits);
  const most = row.reduce((found, value) => Math.max(found, value), Number.NEGATIVE_INFINITY);
  const sum = row.reduce((total, value) => total + Math.exp(value - most), 0);
  return row.map((value) => value - most - Math.log(sum));
}

/** KL divergence of a row of logits from the exact row, in nats. */
export function divergence(exact: ArrayLike<number>, found: ArrayLike<number>): number {
  const [p, q] = [logProbabilities(exact), logProbabilities(found)];
  return p.reduce((sum, value, i) => sum + Math.exp(value) * (value - q[i]), 0);
}

const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;

/** Mean absolute difference and mean KL divergence of rows of logits [T][V] from the exact ones. */
export function distance(
  exact: readonly ArrayLike<number>[],
  found: readonly ArrayLike<number>[],
): { readonly difference: number; readonly divergence: number } {
  const differences = exact.map((row, t) => mean(Array.from(row, (value, i) => Math.abs(value - found[t][i]))));
  return { difference: mean(differences), divergence: mean(exact.map((row, t) => divergence(row, found[t]))) };
}

/** The exact logits of a GGUF file, [T][V]; its weights take 8 bytes each. */
export const exactLogits = (file: string, ids: readonly number[]): readonly Float64Array[] =>
  naiveLogits(new Uint8Array(readFileSync(file)), ids);
