/** The incomplete beta function, which gives the tails of the binomial and of Student's distribution. */
import { exp, log } from "../../base/exact-math.ts";
import { bisect } from "./bisect.ts";

const HALF_LOG_2_PI = 0.9189385332046728;

/** ln(1 + x), accurate for small x too: the rounding error of 1 + x cancels in the quotient (Goldberg 1991, theorem 4). */
export function log1p(x: number): number {
  const rounded = 1 + x;
  return rounded === 1 ? x : (log(rounded) * x) / (rounded - 1);
}

/**
 * The remainder of Stirling's formula: ln Gamma(x + 1) - (x + 1/2) ln x + x - ln(2 pi) / 2, x > 0. From 16 on its series is used;
 * the recurrence leads from there to smaller x. The difference of large log-gammas loses digits; these remainders are small.
 */
export function stirlingRest(x: number): number {
  let [rest, at] = [0, x];
  for (; at < 16; at++) rest += (at + 0.5) * log1p(1 / at) - 1;
  const z = 1 / (at * at);
  const series = 1 / 12 - z * (1 / 360 - z * (1 / 1260 - z * (1 / 1680 - z * (1 / 1188 - (z * 691) / 360360))));
  return rest + series / at;
}

/** ln Gamma(x), x > 0. */
export function logGamma(x: number): number {
  return (x - 0.5) * log(x) - x + HALF_LOG_2_PI + stirlingRest(x);
}

/** x ln(x / m) + m - x without cancellation where they are close (Loader 2000, section 4). */
function deviance(x: number, m: number): number {
  if (Math.abs(x - m) >= 0.1 * (x + m)) return x * log(x / m) + m - x;
  const v = (x - m) / (x + m);
  let sum = (x - m) * v;
  let term = 2 * x * v;
  for (let odd = 3; ; odd += 2) {
    term *= v * v;
    const next = sum + term / odd;
    if (next === sum) return sum;
    sum = next;
  }
}

/**
 * Gamma(a + b + 1) / Gamma(a + 1) / Gamma(b + 1) x^a (1 - x)^b for a, b > 0 and 0 < x < 1, whole or not, by the saddle point expansion
 * of C. Loader, "Fast and Accurate Computation of Binomial Probabilities" (2000).
 */
export function binomialTerm(a: number, b: number, x: number): number {
  const n = a + b;
  const rests = stirlingRest(n) - stirlingRest(a) - stirlingRest(b);
  const height = Math.sqrt(n / (2 * Math.PI * a * b));
  return height * exp(rests - deviance(a, n * x) - deviance(b, n * (1 - x)));
}

/**
 * Regularised incomplete beta function I_x(a, b), a and b > 0: the continued fraction of Numerical Recipes (Press et al., 3rd
 * edition, section 6.4), on the side of the mean where it is fast.
 */
export function incompleteBeta(a: number, b: number, x: number): number {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  const mirrored = x > (a + 1) / (a + b + 2);
  const tail = mirrored ? lowerTail(b, a, 1 - x, binomialTerm(a, b, x)) : lowerTail(a, b, x, binomialTerm(a, b, x));
  return mirrored ? 1 - tail : tail;
}

/** `term` is binomialTerm(a, b, x), which its mirror image shares. */
function lowerTail(a: number, b: number, x: number, term: number): number {
  return term * (b / (a + b)) * betaFraction(a, b, x);
}

/** 1 / (1 + d1 / (1 + d2 / (1 + ..))) by Lentz's method; about sqrt(max(a, b)) levels. */
function betaFraction(a: number, b: number, x: number): number {
  let c = 1;
  let d = 1 / awayFromZero(1 - ((a + b) * x) / (a + 1));
  let value = d;
  for (let m = 1; m < 100_000; m++) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    d = 1 / awayFromZero(1 + even * d);
    c = awayFromZero(1 + even / c);
    value *= c * d;
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    d = 1 / awayFromZero(1 + odd * d);
    c = awayFromZero(1 + odd / c);
    value *= c * d;
    if (Math.abs(c * d - 1) < 1e-15) break;
  }
  return value;
}

function awayFromZero(x: number): number {
  return Math.abs(x) < 1e-300 ? 1e-300 : x;
}

/** The x with I_x(a, b) = p. */
export function betaQuantile(p: number, a: number, b: number): number {
  return bisect((x) => incompleteBeta(a, b, x) < p, 0, 1);
}

/** The p-quantile, p >= 1/2, of Student's t: t^2 / (t^2 + freedom) has a beta distribution. */
export function studentQuantile(p: number, freedom: number): number {
  const share = betaQuantile(2 * p - 1, 0.5, freedom / 2);
  return Math.sqrt((freedom * share) / (1 - share));
}
