/**
 * The bootstrap (B. Efron and R. Tibshirani, "An Introduction to the Bootstrap", 1993, chapters 12 and 13), the same on every
 * engine. So that another program can repeat it:
 *
 * 1. The generator is xoshiro128** with the seed's state (src/base/random.ts); one sequence serves all resamples.
 * 2. A resample of n values draws n places one after another: a place is the next 32-bit draw modulo n, where draws of
 *    2^32 - (2^32 mod n) and above are passed over.
 * 3. The resample's mean is the sum of the values at these places, added to 0 in the order drawn in f64, over n.
 * 4. An interval's ends are the (1 - level)/2 and (1 + level)/2 quantiles of all the means, linear between ranks (numpy's default).
 */
import { createRandom } from "../../base/random.ts";
import { Turns } from "../../base/turns.ts";
import type { Interval } from "./interval.ts";
import { percentile } from "./means.ts";
import { meanWithError } from "./standard-error.ts";
import { requireCount, requireLevel, requireSameLength, requireValues } from "./stats-checks.ts";

/** Number of resamples, their seed, and the level of the interval (0.95). */
export interface BootstrapOptions {
  /** Number of resamples. Default 10 000. */
  readonly samples?: number;
  /** A whole number from 0 to 2^53 - 1. Default 0. */
  readonly seed?: number;
  /** Level of confidence. Default 0.95. */
  readonly level?: number;
  readonly signal?: AbortSignal;
}

/** A mean and its bootstrap interval, with all that makes it reproducible. */
export interface Bootstrap {
  /** Mean of the values themselves. */
  readonly mean: number;
  readonly interval: Interval;
  readonly samples: number;
  readonly seed: number;
  readonly level: number;
}

/** A mean difference of pairs, its bootstrap interval, and the two-sided p of no difference. */
export interface PairedBootstrap extends Omit<Bootstrap, "mean"> {
  /** Mean of a_i - b_i. */
  readonly difference: number;
  /** Twice the share of resamples on the other side of 0, those at 0 included; from 1 / samples to 1. */
  readonly p: number;
}

/** Percentile interval of the mean. */
export async function bootstrapMean(values: ArrayLike<number>, options: BootstrapOptions = {}): Promise<Bootstrap> {
  return (await resample(values, options)).result;
}

/** Percentile interval of mean(a_i - b_i): items are drawn, each with both its values. */
export async function pairedBootstrap(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  options: BootstrapOptions = {},
): Promise<PairedBootstrap> {
  const { result, sorted } = await resample(differences(a, b), options);
  const { mean, ...rest } = result;
  const atMost = sorted.filter((value) => value <= 0).length;
  const atLeast = sorted.filter((value) => value >= 0).length;
  const p = Math.min(1, Math.max(1, 2 * Math.min(atMost, atLeast)) / sorted.length);
  return { difference: mean, ...rest, p };
}

/** a_i - b_i. */
export function differences(a: ArrayLike<number>, b: ArrayLike<number>): Float64Array {
  requireValues("a", a);
  requireValues("b", b);
  requireSameLength("b", b, a);
  return Float64Array.from(a, (value, i) => value - b[i]);
}

async function resample(
  values: ArrayLike<number>,
  { samples = 10_000, seed = 0, level = 0.95, signal }: BootstrapOptions,
): Promise<{ result: Bootstrap; sorted: Float64Array }> {
  requireCount("samples", samples, 1, 2 ** 24);
  requireLevel(level);
  const { mean } = meanWithError(values);
  const sorted = (await resampledMeans(Float64Array.from(values), samples, seed, signal)).sort();
  const interval: Interval = [percentile(sorted, (1 - level) / 2), percentile(sorted, (1 + level) / 2)];
  return { result: { mean, interval, samples, seed, level }, sorted };
}

async function resampledMeans(
  values: Float64Array,
  samples: number,
  seed: number,
  signal: AbortSignal | undefined,
): Promise<Float64Array> {
  const random = createRandom(seed);
  const turns = new Turns(signal);
  const places = new Uint32Array(values.length);
  const means = new Float64Array(samples);
  for (let sample = 0; sample < samples; sample++) {
    await turns.pause();
    random.integers(values.length, places);
    means[sample] = sumAt(values, places) / values.length;
  }
  return means;
}

function sumAt(values: Float64Array, places: Uint32Array): number {
  let sum = 0;
  for (let i = 0; i < places.length; i++) sum += values[places[i]];
  return sum;
}
