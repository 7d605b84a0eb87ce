// Parts of attention over one tile of cache rows: products of queries and keys, the softmax, sums of values. All in f32 and in one order.
import { exp1, exp4 } from "../common/exp";
import { loadPart, sumLanes, sumLanes4 } from "../common/lanes";

/** Stores factor * (q . k) of four cache rows, each summed in four lanes in ascending order, then across lanes. */
function storeDots(to: usize, q: usize, k0: usize, k1: usize, k2: usize, k3: usize, headDim: i32, factor: v128): void {
  let a = f32x4.splat(0);
  let b = f32x4.splat(0);
  let c = f32x4.splat(0);
  let d = f32x4.splat(0);
  let at: usize = 0;
  const whole = <usize>(headDim & ~3) << 2;
  for (; at < whole; at += 16) {
    const x = v128.load(q + at);
    a = f32x4.add(a, f32x4.mul(x, v128.load(k0 + at)));
    b = f32x4.add(b, f32x4.mul(x, v128.load(k1 + at)));
    c = f32x4.add(c, f32x4.mul(x, v128.load(k2 + at)));
    d = f32x4.add(d, f32x4.mul(x, v128.load(k3 + at)));
  }
  const rest = headDim & 3;
  if (rest) {
    const x = loadPart(q + at, rest);
    a = f32x4.add(a, f32x4.mul(x, loadPart(k0 + at, rest)));
    b = f32x4.add(b, f32x4.mul(x, loadPart(k1 + at, rest)));
    c = f32x4.add(c, f32x4.mul(x, loadPart(k2 + at, rest)));
    d = f32x4.add(d, f32x4.mul(x, loadPart(k3 + at, rest)));
  }
  v128.store(to, f32x4.mul(sumLanes4(a, b, c, d), factor));
}

/** The bits of two calls of `storeDots` for two queries, in less time, since eight sums do not wait for each other. */
@inline
function storeTwoDots(to0: usize, to1: usize, q0: usize, q1: usize, k0: usize, k1: usize, k2: usize, k3: usize, headDim: i32, factor: v128): void {
  let a = f32x4.splat(0), b = f32x4.splat(0), c = f32x4.splat(0), d = f32x4.splat(0);
  let e = f32x4.splat(0), f = f32x4.splat(0), g = f32x4.splat(0), h = f32x4.splat(0);
  const whole = <usize>headDim << 2;
  for (let at: usize = 0; at < whole; at += 16) {
    const x = v128.load(q0 + at), y = v128.load(q1 + at);
    let k = v128.load(k0 + at);
    a = f32x4.add(a, f32x4.mul(x, k)), e = f32x4.add(e, f32x4.mul(y, k));
    k = v128.load(k1 + at);
    b = f32x4.add(b, f32x4.mul(x, k)), f = f32x4.add(f, f32x4.mul(y, k));
    k = v128.load(k2 + at);
    c = f32x4.add(c, f32x4.mul(x, k)), g = f32x4.add(g, f32x4.mul(y, k));
    k = v128.load(k3 + at);
    d = f32x4.add(d, f32x4.mul(x, k)), h = f32x4.add(h, f32x4.mul(y, k));
  }
  v128.store(to0, f32x4.mul(sumLanes4(a, b, c, d), factor));
  v128.store(to1, f32x4.mul(sumLanes4(e, f, g, h), factor));
}

/**
 * to0[r] = factor * (q0 . k[r]) and to1[r] = factor * (q1 . k[r]) of cache rows, four at a time: up to three more scores are overwritten.
 * q1 0: only the first.
 */
export function scoreRows(to0: usize, to1: usize, q0: usize, q1: usize, k: usize, rows: i32, stride: usize, headDim: i32, scale: f32): void {
  const last = k + <usize>(rows - 1) * stride;
  const isPair = q1 != 0 && (headDim & 3) == 0;
  const factor = f32x4.splat(scale);
  for (; k <= last; k += 4 * stride) {
    // Past the end, the last row is used again, so that the sum of a row never depends on its neighbours.
    const k1 = min(k + stride, last), k2 = min(k + 2 * stride, last), k3 = min(k + 3 * stride, last);
    if (isPair) storeTwoDots(to0, to1, q0, q1, k, k1, k2, k3, headDim, factor);
    else {
      storeDots(to0, q0, k, k1, k2, k3, headDim, factor);
      if (q1) storeDots(to1, q1, k, k1, k2, k3, headDim, factor);
    }
    to0 += 16;
    to1 += 16;
  }
}

/**
 * scores[r] = e^(scores[r] - their maximum), and 0 from `count` up to a multiple of four. Returns their sum (four lanes in ascending
 * order, then across). If `sink` is an address, the score there takes part in the maximum and the sum like that of one more row.
 */
export function expRows(scores: usize, count: i32, sink: usize): f32 {
  const end = scores + (<usize>((count + 3) & ~3) << 2);
  for (let at = scores + (<usize>count << 2); at < end; at += 4) store<f32>(at, -Infinity);
  // Two maxima, of even and odd vectors, do not wait for each other.
  let most = v128.load(scores), other = most;
  let next = scores + 16;
  for (; next + 32 <= end; next += 32) {
    most = f32x4.pmax(most, v128.load(next));
    other = f32x4.pmax(other, v128.load(next, 16));
  }
  if (next < end) most = f32x4.pmax(most, v128.load(next));
  most = f32x4.pmax(most, other);
  let highest = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 2)),
    max(f32x4.extract_lane(most, 1), f32x4.extract_lane(most, 3)),
  );
  if (sink) highest = max(highest, load<f32>(sink));
  const shift = f32x4.splat(highest);
  let sum = f32x4.splat(0);
  for (let at = scores; at < end; at += 16) {
    const e = exp4(f32x4.sub(v128.load(at), shift));
    sum = f32x4.add(sum, e);
    v128.store(at, e);
  }
  if (sink) return sumLanes(sum) + exp1(load<f32>(sink) - highest);
  return sumLanes(sum);
}

/** y[0..32) += sum over rows, ascending, of scores[r] * v[r]. */
function mix32(y: usize, scores: usize, v: usize, count: i32, stride: usize): void {
  let a0 = v128.load(y);
  let a1 = v128.load(y, 16);
  let a2 = v128.load(y, 32);
  let a3 = v128.load(y, 48);
  let a4 = v128.load(y, 64);
  let a5 = v128.load(y, 80);
  let a6 = v128.load(y, 96);
  let a7 = v128.load(y, 112);
  for (let row = 0; row < count; row++) {
    const p = v128.load32_splat(scores + (<usize>row << 2));
    a0 = f32x4.add(a0, f32x4.mul(p, v128.load(v)));
    a1 = f32x4.add(a1, f32x4.mul(p, v128.load(v, 16)));
    a2 = f32x4.add(a2, f32x4.mul(p, v128.load(v, 32)));
    a3 = f32x4.add(a3, f32x4.mul(p, v128.load(v, 48)));
    a4 = f32x4.add(a4, f32x4.mul(p, v128.load(v, 64)));
    a5 = f32x4.add(a5, f32x4.mul(p, v128.load(v, 80)));
    a6 = f32x4.add(a6, f32x4.mul(p, v128.load(v, 96)));
    a7 = f32x4.add(a7, f32x4.mul(p, v128.load(v, 112)));
    v += stride;
  }
  v128.store(y, a0);
  v128.store(y, a1, 16);
  v128.store(y, a2, 32);
  v128.store(y, a3, 48);
  v128.store(y, a4, 64);
  v128.store(y, a5, 80);
  v128.store(y, a6, 96);
  v128.store(y, a7, 112);
}

/** The same for 4 columns. */
function mix4(y: usize, scores: usize, v: usize, count: i32, stride: usize): void {
  let a = v128.load(y);
  for (let row = 0; row < count; row++) {
    a = f32x4.add(a, f32x4.mul(v128.load32_splat(scores + (<usize>row << 2)), v128.load(v)));
    v += stride;
  }
  v128.store(y, a);
}

/** The same for one column. */
function mix1(y: usize, scores: usize, v: usize, count: i32, stride: usize): void {
  let a = load<f32>(y);
  for (let row = 0; row < count; row++) {
    a += load<f32>(scores + (<usize>row << 2)) * load<f32>(v);
    v += stride;
  }
  store<f32>(y, a);
}

/** y[0..width) += sum over rows, ascending, of scores[r] * v[r]. */
export function mixRows(y: usize, scores: usize, v: usize, count: i32, stride: usize, width: i32): void {
  let at: usize = 0;
  const end = <usize>width << 2;
  for (; at + 128 <= end; at += 128) mix32(y + at, scores, v + at, count, stride);
  for (; at + 16 <= end; at += 16) mix4(y + at, scores, v + at, count, stride);
  for (; at < end; at += 4) mix1(y + at, scores, v + at, count, stride);
}

/** y0[0..16) += sum over rows, ascending, of p0[r] * v[r], and the same for y1 and p1. */
function mixTwo16(y0: usize, y1: usize, p0: usize, p1: usize, v: usize, count: i32, stride: usize): void {
  let a0 = v128.load(y0), a1 = v128.load(y0, 16), a2 = v128.load(y0, 32), a3 = v128.load(y0, 48);
  let b0 = v128.load(y1), b1 = v128.load(y1, 16), b2 = v128.load(y1, 32), b3 = v128.load(y1, 48);
  const end = p0 + (<usize>count << 2);
  for (const apart = p1 - p0; p0 < end; p0 += 4) {
    const p = v128.load32_splat(p0), q = v128.load32_splat(p0 + apart);
    let x = v128.load(v);
    a0 = f32x4.add(a0, f32x4.mul(p, x)), b0 = f32x4.add(b0, f32x4.mul(q, x));
    x = v128.load(v, 16);
    a1 = f32x4.add(a1, f32x4.mul(p, x)), b1 = f32x4.add(b1, f32x4.mul(q, x));
    x = v128.load(v, 32);
    a2 = f32x4.add(a2, f32x4.mul(p, x)), b2 = f32x4.add(b2, f32x4.mul(q, x));
    x = v128.load(v, 48);
    a3 = f32x4.add(a3, f32x4.mul(p, x)), b3 = f32x4.add(b3, f32x4.mul(q, x));
    v += stride;
  }
  v128.store(y0, a0), v128.store(y0, a1, 16), v128.store(y0, a2, 32), v128.store(y0, a3, 48);
  v128.store(y1, b0), v128.store(y1, b1, 16), v128.store(y1, b2, 32), v128.store(y1, b3, 48);
}

/** `mixRows` for two tokens or heads that weigh the same rows. */
export function mixTwoRows(y0: usize, y1: usize, p0: usize, p1: usize, v: usize, count: i32, stride: usize, width: i32): void {
  let at: usize = 0;
  const whole = <usize>(width & ~15) << 2;
  for (; at < whole; at += 64) mixTwo16(y0 + at, y1 + at, p0, p1, v + at, count, stride);
  mixRows(y0 + at, p0, v + at, count, stride, width & 15);
  mixRows(y1 + at, p1, v + at, count, stride, width & 15);
}

/** y[0..width) /= sum. */
export function divide(y: usize, width: i32, sum: f32): void {
  const sums = f32x4.splat(sum);
  const end = y + (<usize>width << 2);
  let at = y;
  for (; at + 16 <= end; at += 16) v128.store(at, f32x4.div(v128.load(at), sums));
  for (; at < end; at += 4) store<f32>(at, load<f32>(at) / sum);
}
