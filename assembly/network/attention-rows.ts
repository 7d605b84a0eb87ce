// Parts of attention over one tile of cache rows: products of queries and keys, the softmax, sums of values. All in f32 and in one order.
import { exp1, exp4 } from "../common/exp";
import { loadPart, sumLanes, sumLanes4 } from "../common/lanes";

/** q . k of four cache rows, summed in four lanes in ascending order, then across lanes. */
@inline
export function dot4(q: usize, k0: usize, k1: usize, k2: usize, k3: usize, headDim: i32): v128 {
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
  return sumLanes4(a, b, c, d);
}

/**
 * Stores factor * (q . k) of two queries and four cache rows at to0 and to1: the bits of two calls of `dot4`, in less time, since eight sums do
 * not wait for each other.
 */
@inline
export function storeTwoDots(to0: usize, to1: usize, q0: usize, q1: usize, k0: usize, k1: usize, k2: usize, k3: usize, headDim: i32, factor: v128): void {
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
 * scores[r] = e^(scores[r] - their maximum), and 0 from `count` up to a multiple of four. Returns their sum (four lanes in ascending
 * order, then across). If `sink` is an address, the score there takes part in the maximum and the sum like that of one more row.
 */
export function expRows(scores: usize, count: i32, sink: usize): f32 {
  const end = scores + (<usize>((count + 3) & ~3) << 2);
  for (let at = scores + (<usize>count << 2); at < end; at += 4) store<f32>(at, -Infinity);
  let most = v128.load(scores);
  for (let at = scores + 16; at < end; at += 16) most = f32x4.pmax(most, v128.load(at));
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

/** y[0..width) /= sum. */
export function divide(y: usize, width: i32, sum: f32): void {
  const sums = f32x4.splat(sum);
  const end = y + (<usize>width << 2);
  let at = y;
  for (; at + 16 <= end; at += 16) v128.store(at, f32x4.div(v128.load(at), sums));
  for (; at < end; at += 4) store<f32>(at, load<f32>(at) / sum);
}
