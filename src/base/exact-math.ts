/**
 * exp, log, pow, sin and cos with the same bits on every engine: only + - * / and the bits of a number.
 *
 * The language leaves Math.exp and similar functions to the engine, and engines differ in the last bit. These stay within 1 ulp of
 * the true value (test/base/exact.test.ts holds them to 2 ulp of Math.*, which may itself be 1 off).
 */
import { UsageError } from "./errors.ts";

const ROUNDING = 6755399441055744; // 1.5 * 2^52: adding and subtracting it rounds to an integer, ties to even
const LN2_HIGH = 0.6931471805598903; // upper 42 bits of ln 2: integers up to 2^11 times it are exact
const LN2_LOW = 5.497923018708371e-14;

/** 2^-1022 to 2^1023. */
const POWERS: Float64Array = new Float64Array(2046);
for (let i = 0, power = 2 ** -1022; i < 2046; i++, power *= 2) POWERS[i] = power;

/** 1 / k!, k = 2 to 13: e^r = 1 + r + r^2 (1/2! + r/3! + ..), off by less than 1e-17 for |r| <= ln 2 / 2. */
const [E2, E3, E4, E5, E6, E7] = [1 / 2, 1 / 6, 1 / 24, 1 / 120, 1 / 720, 1 / 5040];
const [E8, E9, E10, E11, E12, E13] = [1 / 40320, 1 / 362880, 1 / 3628800, 1 / 39916800, 1 / 479001600, 1 / 6227020800];

/** e^x. */
export function exp(x: number): number {
  return expSum(x, 0);
}

/** e^(x + low), where low is tiny compared with x. */
function expSum(x: number, low: number): number {
  if (!(x > -745.2)) return Number.isNaN(x) ? x : 0;
  if (x > 709.8) return Number.POSITIVE_INFINITY;
  const n = x * Math.LOG2E + ROUNDING - ROUNDING;
  const r = x - n * LN2_HIGH - (n * LN2_LOW - low);
  const upper = E8 + r * (E9 + r * (E10 + r * (E11 + r * (E12 + r * E13))));
  const p = E2 + r * (E3 + r * (E4 + r * (E5 + r * (E6 + r * (E7 + r * upper)))));
  const value = r * r * p + r + 1;
  if (n >= -1021 && n <= 1023) return value * POWERS[n + 1022];
  const half = Math.floor(n / 2); // two exact steps, or one exact and one that rounds to a denormal
  return value * POWERS[half + 1022] * POWERS[n - half + 1022];
}

const bits = new DataView(new ArrayBuffer(8));

/** x = 2^exponent * (1 + f), 1 + f between sqrt(1/2) and sqrt(2). x positive and finite. */
function split(x: number): { exponent: number; f: number } {
  const denormal = x < 2 ** -1022;
  bits.setFloat64(0, denormal ? x * 2 ** 54 : x);
  const word = bits.getUint32(0);
  let exponent = (word >>> 20) - 1023;
  bits.setUint32(0, (word & 0xfffff) | 0x3ff00000);
  let mantissa = bits.getFloat64(0);
  if (mantissa > Math.SQRT2) {
    mantissa /= 2;
    exponent++;
  }
  return { exponent: denormal ? exponent - 54 : exponent, f: mantissa - 1 };
}

/** 2/first + 2/(first + 2) z + 2/(first + 4) z^2 + .., up to 2/23: the tail of ln((1 + s) / (1 - s)), z = s^2. */
function atanhTail(z: number, first: number): number {
  let tail = 2 / 23;
  for (let odd = 21; odd >= first; odd -= 2) tail = tail * z + 2 / odd;
  return tail;
}

/** Natural logarithm; -Infinity of 0, NaN of negative numbers. */
export function log(x: number): number {
  if (!(x > 0 && x < Number.POSITIVE_INFINITY)) return logOfBorder(x);
  const { exponent, f } = split(x);
  const s = f / (2 + f); // ln(1 + f) = 2 (s + s^3/3 + ..) and 2s = f - s f: f is exact, what is subtracted from it small
  const z = s * s;
  return exponent * LN2_HIGH + (f - (s * (f - z * atanhTail(z, 3)) - exponent * LN2_LOW));
}

function logOfBorder(x: number): number {
  if (x === 0) return Number.NEGATIVE_INFINITY;
  return x > 0 ? x : Number.NaN;
}

/** A number as the unrounded sum of two. */
interface Double {
  readonly high: number;
  readonly low: number;
}

function addExact(a: number, b: number): Double {
  const high = a + b;
  const partOfB = high - a;
  return { high, low: a - (high - partOfB) + (b - partOfB) };
}

/** Dekker's product: both factors are cut into halves of 26 bits. */
function multiplyExact(a: number, b: number): Double {
  const high = a * b;
  const [ah, bh] = [upperHalf(a), upperHalf(b)];
  const [al, bl] = [a - ah, b - bh];
  return { high, low: ah * bh - high + ah * bl + al * bh + al * bl };
}

function upperHalf(x: number): number {
  const shifted = x * 134217729; // 2^27 + 1
  return shifted - (shifted - x);
}

const TWO_THIRDS = 2 / 3;
const TWO_THIRDS_LOW = 3.700743415417188e-17;

/** ln x to about 65 bits: as in `log`, with s, s^2 and the cubic term carried in two numbers. */
function logDouble(x: number): Double {
  const { exponent, f } = split(x);
  const divisor = 2 + f;
  const s = f / divisor;
  const product = multiplyExact(s, divisor);
  const sLow = (f - product.high - product.low - s * (f - (divisor - 2))) / divisor;
  const z = multiplyExact(s, s);
  const zLow = z.low + 2 * s * sLow;
  const cube = multiplyExact(s, z.high);
  const third = multiplyExact(cube.high, TWO_THIRDS);
  const thirdLow = third.low + cube.high * TWO_THIRDS_LOW + (cube.low + s * zLow + sLow * z.high) * TWO_THIRDS;
  const rest = s * z.high * z.high * atanhTail(z.high, 5);
  const first = addExact(exponent * LN2_HIGH, 2 * s);
  const second = addExact(first.high, third.high);
  return addExact(second.high, first.low + second.low + (2 * sLow + thirdLow + rest + exponent * LN2_LOW));
}

/** base^exponent for a positive finite base; other bases give NaN. */
export function pow(base: number, exponent: number): number {
  if (!(base > 0 && base < Number.POSITIVE_INFINITY) || !Number.isFinite(exponent)) return Number.NaN;
  const { high, low } = logDouble(base);
  if (Math.abs(high * exponent) > 800) return high * exponent > 0 ? Number.POSITIVE_INFINITY : 0;
  const product = multiplyExact(high, exponent);
  return expSum(product.high, product.low + low * exponent);
}

/** pi / 2 in four parts; the first three have 27 bits, so that n times each is exact below n = 2^26. */
const [HALF_PI_1, HALF_PI_2, HALF_PI_3] = [1.570796325802803, 9.920935739593517e-10, 5.721188709663575e-18];
const HALF_PI_4 = 1.6446256936324258e-26;
const LARGEST_ANGLE = 2 ** 26;

/** x = n pi/2 + high + low, |high| <= pi/4. */
function reduce(x: number, where: string): Double & { readonly quadrant: number } {
  if (!(Math.abs(x) <= LARGEST_ANGLE)) throw new UsageError(where, String(x), `an angle of at most ${LARGEST_ANGLE}`);
  const n = x * (2 / Math.PI) + ROUNDING - ROUNDING;
  const first = addExact(x - n * HALF_PI_1, -n * HALF_PI_2);
  const second = addExact(first.high, -n * HALF_PI_3);
  const { high, low } = addExact(second.high, first.low + second.low - n * HALF_PI_4);
  return { high, low, quadrant: n & 3 };
}

/** sin(high + low), |high| <= pi/4: the Taylor series up to the 17th power. */
function sinNear({ high, low }: Double): number {
  const z = high * high;
  const upper =
    1 / 362880 + z * (-1 / 39916800 + z * (1 / 6227020800 + z * (-1 / 1307674368000 + z / 355687428096000)));
  const p = -1 / 6 + z * (1 / 120 + z * (-1 / 5040 + z * upper));
  return high + (high * z * p + low * (1 - z / 2));
}

/** cos(high + low): the Taylor series up to the 16th power. */
function cosNear({ high, low }: Double): number {
  const z = high * high;
  const upper = -1 / 3628800 + z * (1 / 479001600 + z * (-1 / 87178291200 + z / 20922789888000));
  const p = 1 / 24 + z * (-1 / 720 + z * (1 / 40320 + z * upper));
  const start = 1 - z / 2;
  return start + (1 - start - z / 2 + (z * z * p - high * low));
}

/** sin x, |x| <= 2^26. */
export function sin(x: number): number {
  return turned(reduce(x, "sin"), 0);
}

/** cos x, |x| <= 2^26. */
export function cos(x: number): number {
  return turned(reduce(x, "cos"), 1);
}

function turned(angle: Double & { readonly quadrant: number }, quarters: number): number {
  const quadrant = (angle.quadrant + quarters) & 3;
  const value = quadrant & 1 ? cosNear(angle) : sinNear(angle);
  return quadrant & 2 ? -value : value;
}
