/** Confidence intervals, and the accuracy of blind guessing that a score is compared with. */
import { requireCount, requireValues } from "./stats-checks.ts";

/** Both ends belong to the interval. */
export type Interval = readonly [lo: number, hi: number];

/** Whether the interval contains a value, such as chance, or 0 for a difference: then the score cannot be told from it. */
export function intervalContains([lo, hi]: Interval, value: number): boolean {
  return lo <= value && value <= hi;
}

/** Accuracy of blind guessing: the mean of 1 / choices over the items, which may differ in their number of choices. */
export function chanceLevel(choices: ArrayLike<number>): number {
  requireValues("choices", choices);
  let sum = 0;
  for (let i = 0; i < choices.length; i++) {
    requireCount(`choices ${i}`, choices[i], 1);
    sum += 1 / choices[i];
  }
  return sum / choices.length;
}
