/** Confidence intervals, and the level of chance that a score should leave behind. */
import { requireCount, requireValues } from "./checks.ts";

/** Both ends belong to it. */
export type Interval = readonly [lo: number, hi: number];

/** Whether a value cannot be told from the score: chance, say, or 0 for a difference. */
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
