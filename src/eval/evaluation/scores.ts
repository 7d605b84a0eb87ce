/** Computes the scores of a task from its samples, and those of a group from its tasks. */
import { exp } from "../../base/exact-math.ts";
import { proportionInterval } from "../stats/binomial.ts";
import { type Interval, intervalContains } from "../stats/interval.ts";
import { studentInterval } from "../stats/paired.ts";
import { meanWithError, pooledStdErr, weightedMean } from "../stats/standard-error.ts";
import type { Metric } from "../tasks/task.ts";
import type { Sample } from "./item-sample.ts";

/** A metric's value with its standard error and 95 % interval. */
export interface Score {
  readonly metric: Metric;
  readonly value: number;
  readonly stdErr: number;
  /** 95 % interval, exact for few items. */
  readonly interval: Interval;
  /** Whether the interval contains the level of chance; only for accuracies. */
  readonly atChance: boolean;
}

/** @param samples at least one. */
export function scoreOf(metric: Metric, samples: readonly Sample[], chance: number): Score {
  const values = samples.map((sample) => sample[metric] as number);
  const spread = meanWithError(values);
  if (metric === "perplexity") {
    const [lo, hi] = studentInterval(spread);
    const value = exp(-spread.mean);
    return { metric, value, stdErr: value * spread.stdErr, interval: [exp(-hi), exp(-lo)], atChance: false };
  }
  const successes = values.reduce((sum, one) => sum + one, 0);
  const interval = proportionInterval(successes, values.length);
  return { metric, value: spread.mean, stdErr: spread.stdErr, interval, atChance: isAtChance(interval, chance) };
}

/** Half width of a two-sided 95 % interval of a normal distribution, in standard deviations. */
const REACH = 1.959963984540054;

/**
 * Averages the scores of a group's tasks, weighted by their numbers of items. The interval of an accuracy is that of all items
 * together: a little wider than the pooled standard error would make it, and right even if each task has only one item.
 */
export function groupScore(metric: Metric, scores: readonly Score[], sizes: readonly number[], chance: number): Score {
  const value = weightedMean(
    scores.map((score) => score.value),
    sizes,
  );
  const stdErr = pooledStdErr(
    scores.map((score) => score.stdErr),
    sizes,
  );
  if (metric === "perplexity") {
    const interval: Interval = [value - REACH * stdErr, value + REACH * stdErr];
    return { metric, value, stdErr, interval, atChance: false };
  }
  const successes = scores.reduce((sum, score, i) => sum + Math.round(score.value * sizes[i]), 0);
  const items = sizes.reduce((sum, size) => sum + size, 0);
  const interval = proportionInterval(successes, items);
  return { metric, value, stdErr, interval, atChance: isAtChance(interval, chance) };
}

function isAtChance(interval: Interval, chance: number): boolean {
  return chance > 0 && intervalContains(interval, chance);
}
