/** Means of items and of groups of items, with their standard errors. */
import { requireCount, requireSameLength, requireValues } from "./stats-checks.ts";

/** A mean of n values and its standard error (n - 1). */
export interface MeanWithError {
  readonly mean: number;
  readonly stdErr: number;
  readonly n: number;
}

/** Mean, and sqrt(sum (x - mean)^2 / (n - 1)) / sqrt(n), as lm-evaluation-harness's `mean_stderr`; one value has error 0. */
export function meanWithError(values: ArrayLike<number>): MeanWithError {
  requireValues("values", values);
  const n = values.length;
  let sum = 0;
  for (let i = 0; i < n; i++) sum += values[i];
  const mean = sum / n;
  let squares = 0;
  for (let i = 0; i < n; i++) squares += (values[i] - mean) * (values[i] - mean);
  return { mean, stdErr: n === 1 ? 0 : Math.sqrt(squares / (n - 1) / n), n };
}

/** Mean of groups (the subjects of MMLU), each weighing as many items as it has. */
export function weightedMean(means: ArrayLike<number>, sizes: ArrayLike<number>): number {
  requireGroups("means", means, sizes);
  let [sum, items] = [0, 0];
  for (let i = 0; i < means.length; i++) {
    sum += means[i] * sizes[i];
    items += sizes[i];
  }
  return sum / items;
}

/**
 * Standard error of that mean from those of the groups, as lm-evaluation-harness's `pooled_sample_stderr`: the pooled variance
 * sum((n_i - 1) n_i se_i^2) / (sum n_i - groups), over sum n_i, under the root. It is 0 if every group has one item.
 */
export function pooledStdErr(stdErrs: ArrayLike<number>, sizes: ArrayLike<number>): number {
  requireGroups("stdErrs", stdErrs, sizes);
  let [squares, items] = [0, 0];
  for (let i = 0; i < stdErrs.length; i++) {
    squares += (sizes[i] - 1) * sizes[i] * stdErrs[i] * stdErrs[i];
    items += sizes[i];
  }
  const free = items - sizes.length;
  return free === 0 ? 0 : Math.sqrt(squares / free / items);
}

function requireGroups(where: string, values: ArrayLike<number>, sizes: ArrayLike<number>): void {
  requireValues(where, values);
  requireSameLength("sizes", sizes, values);
  for (let i = 0; i < sizes.length; i++) requireCount(`sizes ${i}`, sizes[i], 1);
}
