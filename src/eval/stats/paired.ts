/** Two runs over the same items: is one better? */
import { studentQuantile } from "./beta.ts";
import { type BootstrapOptions, differences, type PairedBootstrap, pairedBootstrap } from "./bootstrap.ts";
import { type Interval, intervalContains } from "./interval.ts";
import { isOutcome, type McNemar, mcnemarOf } from "./mcnemar.ts";
import { type MeanWithError, meanWithError } from "./standard-error.ts";
import { requireLevel } from "./stats-checks.ts";

/**
 * The difference of two runs over n pairs, ours minus the baseline: mean, standard error, Student's interval and tests.
 */
export interface PairedComparison {
  readonly n: number;
  /** Mean of ours - baseline over the items. */
  readonly difference: number;
  readonly stdErr: number;
  /** difference +- Student's t times stdErr. With one item it reaches from -Infinity to Infinity. */
  readonly interval: Interval;
  /** Set if every value is 0 or 1. */
  readonly mcnemar?: McNemar;
  readonly bootstrap: PairedBootstrap;
  /**
   * Whether a difference is shown: 0 lies outside the interval and, for outcomes of 0 and 1, McNemar's p is at most 1 - level. (If all
   * of three items are won the interval is a single point, which shows nothing.)
   */
  readonly shown: boolean;
}

/**
 * Compares item by item, which removes the spread between easy and hard items that two separate standard errors would count
 * (E. Miller, "Adding Error Bars to Evals", 2024, arXiv 2411.00640).
 */
export async function comparePaired(
  ours: ArrayLike<number>,
  baseline: ArrayLike<number>,
  options: BootstrapOptions = {},
): Promise<PairedComparison> {
  const { level = 0.95 } = options;
  requireLevel(level);
  const spread = meanWithError(differences(ours, baseline));
  const interval = studentInterval(spread, level);
  const binary = Array.from(ours).every(isOutcome) && Array.from(baseline).every(isOutcome);
  const mcnemar = binary ? mcnemarOf(ours, baseline) : undefined;
  return {
    n: spread.n,
    difference: spread.mean,
    stdErr: spread.stdErr,
    interval,
    ...(mcnemar !== undefined && { mcnemar }),
    bootstrap: await pairedBootstrap(ours, baseline, options),
    shown: !intervalContains(interval, 0) && (mcnemar === undefined || mcnemar.p <= 1 - level),
  };
}

/** Mean +- t * standard error, t with n - 1 degrees of freedom ("Student", Biometrika 6, 1908). */
export function studentInterval({ mean, stdErr, n }: MeanWithError, level: number = 0.95): Interval {
  requireLevel(level);
  if (n === 1) return [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const reach = studentQuantile((1 + level) / 2, n - 1) * stdErr;
  return [mean - reach, mean + reach];
}
