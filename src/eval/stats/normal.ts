/** The normal distribution: its tail and its quantiles. */
import { exp } from "../../base/exact-math.ts";
import { bisect } from "./bisect.ts";
import { requireProbability } from "./stats-checks.ts";

const SQRT_PI = 1.772453850905516;

/**
 * Complementary error function, 2 / sqrt(pi) * the integral of e^(-t^2) from x on (Abramowitz and Stegun 1964): below 2 the
 * series 7.1.6 of its complement, from 2 on the continued fraction 7.1.14. Within 1e-13 of the value up to x = 26, where it is 1e-296.
 */
export function erfc(x: number): number {
  if (x < 0) return 2 - erfc(-x);
  return x < 2 ? 1 - erfSeries(x) : erfcFraction(x);
}

/** 2 / sqrt(pi) e^(-x^2) (x + 2 x^3 / 3 + 4 x^5 / 15 + ..): no term has another sign. */
function erfSeries(x: number): number {
  let [sum, term] = [x, x];
  for (let odd = 3; term > sum * 1e-17; odd += 2) {
    term *= (2 * x * x) / odd;
    sum += term;
  }
  return (2 / SQRT_PI) * exp(-x * x) * sum;
}

/** e^(-x^2) / sqrt(pi) / (x + (1/2) / (x + 1 / (x + (3/2) / (x + ..)))), from the inside; 100 levels do from x = 2 on. */
function erfcFraction(x: number): number {
  let rest = x;
  for (let level = 100; level >= 1; level--) rest = x + level / 2 / rest;
  return exp(-x * x) / SQRT_PI / rest;
}

/** The p-quantile of the standard normal distribution. */
export function normalQuantile(p: number): number {
  requireProbability("p", p);
  if (p === 0) return Number.NEGATIVE_INFINITY;
  if (p === 1) return Number.POSITIVE_INFINITY;
  if (p > 0.5) return -normalQuantile(1 - p); // exact, and the lower tail keeps its digits
  return bisect((z) => erfc(-z / Math.SQRT2) / 2 < p, -39, 0);
}

/** Probability that a chi-square variable with 1 degree of freedom, a squared normal one, exceeds x. */
export function chiSquareTail(x: number): number {
  return erfc(Math.sqrt(x / 2));
}
