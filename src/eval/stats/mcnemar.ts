/** McNemar's test of two programs that answered the same items: only items that exactly one of them got right count. */
import { UsageError } from "../../base/errors.ts";
import { binomialTest } from "./binomial.ts";
import { chiSquareTail } from "./normal.ts";
import { requireCount, requireSameLength } from "./stats-checks.ts";

/** McNemar's test: b and c, items that only one side got right, and its p. */
export interface McNemar {
  /** Items that only ours got right. */
  readonly b: number;
  /** Items that only the baseline got right. */
  readonly c: number;
  /** Chi-square, if that is the method. */
  readonly statistic?: number;
  readonly p: number;
  readonly method: "exact" | "chi-square";
}

/** Chi-square is too coarse below this number of discordant pairs. */
const EXACT_BELOW = 25;

/**
 * Q. McNemar, Psychometrika 12 (1947). Below 25 discordant pairs the exact binomial test of b among b + c at 1/2; otherwise
 * (|b - c| - 1)^2 / (b + c) against chi-square with 1 degree of freedom, the continuity correction of A. Edwards, Psychometrika 13
 * (1948). The correction stops at 0, as in R's `mcnemar.test`: b = c gives p = 1.
 */
export function mcnemar(b: number, c: number): McNemar {
  requireCount("b", b, 0);
  requireCount("c", c, 0);
  if (b + c < EXACT_BELOW) return { b, c, p: binomialTest(b, b + c, 0.5), method: "exact" };
  const excess = Math.max(0, Math.abs(b - c) - 1);
  const statistic = (excess * excess) / (b + c);
  return { b, c, statistic, p: chiSquareTail(statistic), method: "chi-square" };
}

/** McNemar's test of the items' outcomes, 1 for right and 0 for wrong. */
export function mcnemarOf(ours: ArrayLike<number>, baseline: ArrayLike<number>): McNemar {
  requireSameLength("baseline", baseline, ours);
  let [b, c] = [0, 0];
  for (let i = 0; i < ours.length; i++) {
    if (!(isOutcome(ours[i]) && isOutcome(baseline[i])))
      throw new UsageError(`pair ${i}`, `${ours[i]} and ${baseline[i]}`, "0 or 1");
    if (ours[i] > baseline[i]) b++;
    if (ours[i] < baseline[i]) c++;
  }
  return mcnemar(b, c);
}

export function isOutcome(value: number): boolean {
  return value === 0 || value === 1;
}
