/** Several tests at once. */
import { requireProbability } from "./stats-checks.ts";

/**
 * p values adjusted by Holm's step-down procedure (S. Holm, Scandinavian Journal of Statistics 6, 1979), in the order given: the
 * i-th smallest of m times m - i + 1, never below a smaller one's, at most 1. Rejecting those up to alpha keeps the chance of any
 * false rejection at alpha, however the tests depend on each other.
 */
export function holm(pValues: readonly number[]): number[] {
  pValues.forEach((p, i) => {
    requireProbability(`p value ${i}`, p);
  });
  const order = pValues.map((_, i) => i).sort((a, b) => pValues[a] - pValues[b]);
  const adjusted = new Array<number>(pValues.length);
  let least = 0;
  order.forEach((place, rank) => {
    least = Math.max(least, Math.min(1, pValues[place] * (pValues.length - rank)));
    adjusted[place] = least;
  });
  return adjusted;
}
