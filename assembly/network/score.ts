// Scores rows of logits: maximum, log-sum-exp, divergence. Sums run in f64, in two lanes (even and odd columns, ascending), then lane 0
// + lane 1. Every unit is a row.
import { exp2d, log1 } from "../common/exp";

/** The maximum of a row (count > 0). A NaN may be ignored; use `finite_rows` to find it. */
function largest(x: usize, count: i32): f32 {
  let most = v128.load32_splat(x);
  const end = x + (<usize>count << 2);
  let at = x;
  for (; at + 16 <= end; at += 16) most = f32x4.pmax(most, v128.load(at));
  for (; at < end; at += 4) most = f32x4.pmax(most, v128.load32_splat(at));
  return max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
}

/** Index of the first entry equal to `value`; -1 if there is none. */
function indexOf(x: usize, count: i32, value: f32): i32 {
  for (let i = 0; i < count; i++) if (load<f32>(x + (<usize>i << 2)) == value) return i;
  return -1;
}

/** Mask of the lanes that are not finite: v - v is 0 for a finite lane, else NaN. */
@inline
function notFinite(v: v128): v128 {
  const zero = f32x4.sub(v, v);
  return f32x4.ne(zero, zero);
}

/** Whether all entries are finite. */
function finite(x: usize, count: i32): bool {
  let bad = i32x4.splat(0);
  const end = x + (<usize>count << 2);
  let at = x;
  for (; at + 16 <= end; at += 16) bad = v128.or(bad, notFinite(v128.load(at)));
  for (; at < end; at += 4) bad = v128.or(bad, notFinite(v128.load32_splat(at)));
  return !v128.any_true(bad);
}

/** Two floats at p as f64, minus shift. */
@inline
function shifted(p: usize, shift: v128): v128 {
  return f64x2.sub(f64x2.promote_low_f32x4(v128.load64_zero(p)), shift);
}

/** Sum of e^(x - most) in f64. */
function expSum(x: usize, count: i32, most: f64): f64 {
  const shift = f64x2.splat(most);
  let sum = f64x2.splat(0);
  const end = x + (<usize>count << 2);
  let at = x;
  for (; at + 8 <= end; at += 8) sum = f64x2.add(sum, exp2d(shifted(at, shift)));
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  if (at < end) total += f64x2.extract_lane(exp2d(f64x2.splat(<f64>load<f32>(at) - most)), 0);
  return total;
}

/** Sum of e^(p - mostP) * ((p - mostP) - (q - mostQ)) in f64. */
function crossSum(p: usize, q: usize, count: i32, mostP: f64, mostQ: f64): f64 {
  const shiftP = f64x2.splat(mostP);
  const shiftQ = f64x2.splat(mostQ);
  let sum = f64x2.splat(0);
  let at: usize = 0;
  const end = <usize>count << 2;
  for (; at + 8 <= end; at += 8) {
    const a = shifted(p + at, shiftP);
    sum = f64x2.add(sum, f64x2.mul(exp2d(a), f64x2.sub(a, shifted(q + at, shiftQ))));
  }
  let total = f64x2.extract_lane(sum, 0) + f64x2.extract_lane(sum, 1);
  if (at < end) {
    const a = <f64>load<f32>(p + at) - mostP;
    total += f64x2.extract_lane(exp2d(f64x2.splat(a)), 0) * (a - (<f64>load<f32>(q + at) - mostQ));
  }
  return total;
}

/**
 * weights f64[count] = e^((x - most) / temperature) of f32 x[count], 0 below e^-708; a unit is 256 columns.
 * `scalars`: address of f64 { most, temperature }.
 */
export function weigh_f32(first: i32, last: i32, scratch: usize, weights: usize, x: usize, count: i32, scalars: usize): void {
  const most = v128.load64_splat(scalars);
  const temperature = v128.load64_splat(scalars, 8);
  const end = <usize>min(last << 8, count) << 2;
  let at = <usize>first << 10;
  for (; at + 8 <= end; at += 8) v128.store(weights + 2 * at, exp2d(f64x2.div(shifted(x + at, most), temperature)));
  if (at < end) {
    const one = f64x2.promote_low_f32x4(v128.load32_zero(x + at));
    v128.store64_lane(weights + 2 * at, exp2d(f64x2.div(f64x2.sub(one, most), temperature)), 0);
  }
}

/** out f64[T, 2] = { max, sum of e^(x - max) } of each row of logits[T, V]: log p(i) = x[i] - max - ln sum. */
export function log_sum_exp(first: i32, last: i32, scratch: usize, out: usize, logits: usize, ldl: i32, count: i32): void {
  for (let row = first; row < last; row++) {
    const x = logits + (<usize>row * ldl << 2);
    const most = <f64>largest(x, count);
    store<f64>(out + (<usize>row << 4), most);
    store<f64>(out + (<usize>row << 4), expSum(x, count, most), 8);
  }
}

/** out i32[T] = column of the largest entry, on ties the lowest; -1 if the row has a NaN or an infinity. */
export function argmax_rows(first: i32, last: i32, scratch: usize, out: usize, logits: usize, ldl: i32, count: i32): void {
  for (let row = first; row < last; row++) {
    const x = logits + (<usize>row * ldl << 2);
    store<i32>(out + (<usize>row << 2), finite(x, count) ? indexOf(x, count, largest(x, count)) : -1);
  }
}

/**
 * out f64[T, 4] = { KL(P || Q) in nats, 1 if both have the same top column else 0, log-sum-exp of p, log-sum-exp of q } of the rows
 * p[T, V] and q[T, V] of logits. log P(i) = p[i] - out[2], log Q(i) = q[i] - out[3]. The absolute error of each is below 1e-12 for
 * logits below 1e3. Equal rows give exactly 0; KL may otherwise be below 0 by a rounding error.
 */
export function divergence(
  first: i32, last: i32, scratch: usize, out: usize, p: usize, ldp: i32, q: usize, ldq: i32, count: i32,
): void {
  for (let row = first; row < last; row++) {
    const x = p + (<usize>row * ldp << 2);
    const y = q + (<usize>row * ldq << 2);
    const mostP = largest(x, count);
    const mostQ = largest(y, count);
    const sumP = expSum(x, count, mostP);
    const logP = log1(sumP);
    const logQ = log1(expSum(y, count, mostQ));
    const to = out + (<usize>row << 5);
    store<f64>(to, crossSum(x, y, count, mostP, mostQ) / sumP + (logQ - logP));
    store<f64>(to, indexOf(x, count, mostP) == indexOf(y, count, mostQ) ? 1 : 0, 8);
    store<f64>(to, <f64>mostP + logP, 16);
    store<f64>(to, <f64>mostQ + logQ, 24);
  }
}

/** out i32[T] = 1 if all entries of x[t] are finite, else 0. */
export function finite_rows(first: i32, last: i32, scratch: usize, out: usize, x: usize, ldx: i32, width: i32): void {
  for (let row = first; row < last; row++)
    store<i32>(out + (<usize>row << 2), finite(x + (<usize>row * ldx << 2), width) ? 1 : 0);
}
