// Attention of single tokens over the key/value cache: f32[row][kvHeads * keyWidth] and f32[row][kvHeads * valueWidth].
import { exp1, exp4 } from "../common/exp";
import { loadPart, sumLanes, sumLanes4 } from "../common/lanes";

/** Copies key[t] and value[t] to cache row rows[t]; the widths are those of all heads. A unit is a token. */
export function store_kv(
  first: i32, last: i32, scratch: usize,
  keyCache: usize, valueCache: usize, key: usize, ldk: i32, value: usize, ldv: i32, rows: usize, keyWidth: i32, valueWidth: i32,
): void {
  const keyBytes = <usize>keyWidth << 2;
  const valueBytes = <usize>valueWidth << 2;
  for (let token = first; token < last; token++) {
    const row = <usize>load<i32>(rows + (<usize>token << 2));
    memory.copy(keyCache + row * keyBytes, key + (<usize>token * ldk << 2), keyBytes);
    memory.copy(valueCache + row * valueBytes, value + (<usize>token * ldv << 2), valueBytes);
  }
}

/** q . k of four cache rows, summed in four lanes in ascending order, then across lanes. */
@inline
function dot4(q: usize, k0: usize, k1: usize, k2: usize, k3: usize, headDim: i32): v128 {
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
 * scores[h, r] = scale * (q[h] . k[r]) for heads [from, to). The rows of scores are `lds` bytes apart. All heads process four cache
 * rows before the next four, so memory is read in whole rows, several times faster than head by head.
 */
function scoreHeads(
  scores: usize, lds: usize, q: usize, k: usize, count: i32, stride: usize,
  from: i32, to: i32, group: i32, headDim: i32, scale: f32,
): void {
  const factor = f32x4.splat(scale);
  const lastRow = k + <usize>(count - 1) * stride;
  for (let row = 0; row < count; row += 4) {
    const k0 = k + <usize>row * stride;
    // Past the end, the last row is used again, so that the sum of a row never depends on its neighbours.
    const k1 = min(k0 + stride, lastRow);
    const k2 = min(k0 + 2 * stride, lastRow);
    const k3 = min(k0 + 3 * stride, lastRow);
    let to4 = scores + (<usize>row << 2);
    for (let head = from; head < to; head++) {
      const at = <usize>((head / group) * headDim) << 2;
      const query = q + (<usize>(head * headDim) << 2);
      v128.store(to4, f32x4.mul(dot4(query, k0 + at, k1 + at, k2 + at, k3 + at, headDim), factor));
      to4 += lds;
    }
  }
}

/**
 * scores[r] = e^(scores[r] - their maximum), and 0 from `count` up to a multiple of four. Returns their sum (four lanes in ascending
 * order, then across). If `sink` is an address, the score there takes part in the maximum and the sum like that of one more row.
 */
function expRows(scores: usize, count: i32, sink: usize): f32 {
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

/** Cache rows that one head mixes before the next head: few enough that memory is read in whole rows, as in `scoreHeads`. */
const MIX_ROWS: i32 = 8;

/** y[h] += sum over rows, ascending, of scores[h, r] * v[r] for heads [from, to). */
function mixHeads(
  y: usize, scores: usize, lds: usize, v: usize, count: i32, stride: usize,
  from: i32, to: i32, group: i32, headDim: i32,
): void {
  for (let row = 0; row < count; row += MIX_ROWS) {
    const rows = min(MIX_ROWS, count - row);
    let p = scores + (<usize>row << 2);
    for (let head = from; head < to; head++) {
      const out = y + (<usize>(head * headDim) << 2);
      const value = v + <usize>row * stride + (<usize>((head / group) * headDim) << 2);
      let at: usize = 0;
      const end = <usize>headDim << 2;
      for (; at + 128 <= end; at += 128) mix32(out + at, p, value + at, rows, stride);
      for (; at + 16 <= end; at += 16) mix4(out + at, p, value + at, rows, stride);
      for (; at < end; at += 4) mix1(out + at, p, value + at, rows, stride);
      p += lds;
    }
  }
}

/** y[0..width) /= sum. */
function divide(y: usize, width: i32, sum: f32): void {
  const sums = f32x4.splat(sum);
  const end = y + (<usize>width << 2);
  let at = y;
  for (; at + 16 <= end; at += 16) v128.store(at, f32x4.div(v128.load(at), sums));
  for (; at < end; at += 4) store<f32>(at, load<f32>(at) / sum);
}

/** Scores held at once, unless one head alone has more: 256 KiB. */
const HELD_SCORES: i32 = 65536;

/** Rows of the segments [at, end). */
function rowsOf(at: usize, end: usize): i32 {
  let count = 0;
  for (; at < end; at += 8) count += load<i32>(at, 4);
  return count;
}

/**
 * y[t, head] = softmax(scale * q[t, head] . K^T) V over the cache rows that token t sees; a unit is token * heads + head.
 * The rows are given as segments { first row, rows }, numbers offsets[t] to offsets[t + 1] - 1, in the order of their positions. Their
 * place in the cache does not change a bit. Query head h reads key/value head h / (heads / kvHeads).
 * shape: words { heads, kvHeads, keyWidth, valueWidth, f32 scale, address of sinks f32[heads] or 0 }. The widths are those of one head.
 * A sink is the score of a row whose value is zero: it takes its part of the softmax and adds nothing.
 * Scratch: 256 KiB, or, if larger, 4 bytes for each visible row (rounded up to 16) plus 16.
 */
export function attend_f32(
  first: i32, last: i32, scratch: usize,
  y: usize, ldy: i32, q: usize, ldq: i32, keyCache: usize, valueCache: usize, offsets: usize, segments: usize, shape: usize,
): void {
  const heads = load<i32>(shape);
  const kvHeads = load<i32>(shape, 4);
  const keyWidth = load<i32>(shape, 8);
  const valueWidth = load<i32>(shape, 12);
  const scale = load<f32>(shape, 16);
  const sinks = <usize>load<u32>(shape, 20);
  const keyStride = <usize>(kvHeads * keyWidth) << 2;
  const valueStride = <usize>(kvHeads * valueWidth) << 2;
  const group = heads / kvHeads;
  for (let unit = first; unit < last; ) {
    const token = unit / heads;
    const from = unit - token * heads;
    const begin = segments + (<usize>load<i32>(offsets + (<usize>token << 2)) << 3);
    const end = segments + (<usize>load<i32>(offsets + (<usize>token << 2), 4) << 3);
    const count = rowsOf(begin, end);
    const padded = ((count + 3) & ~3) + 4; // four more for the sum
    const to = min(min(heads, from + last - unit), from + max(1, HELD_SCORES / max(padded, 1)));
    unit += to - from;
    if (count <= 0) continue;
    const lds = <usize>padded << 2;
    const out = y + (<usize>token * ldy << 2);
    const query = q + (<usize>token * ldq << 2);
    let scores = scratch;
    for (let at = begin; at < end; at += 8) {
      const k = keyCache + <usize>load<i32>(at) * keyStride;
      const rows = load<i32>(at, 4);
      scoreHeads(scores, lds, query, k, rows, keyStride, from, to, group, keyWidth, scale);
      scores += <usize>rows << 2;
    }
    for (let head = from; head < to; head++) {
      scores = scratch + <usize>(head - from) * lds;
      store<f32>(scores + lds - 16, expRows(scores, count, sinks ? sinks + (<usize>head << 2) : 0));
    }
    memory.fill(out + (<usize>(from * valueWidth) << 2), 0, <usize>((to - from) * valueWidth) << 2);
    scores = scratch;
    for (let at = begin; at < end; at += 8) {
      const v = valueCache + <usize>load<i32>(at) * valueStride;
      const rows = load<i32>(at, 4);
      mixHeads(out, scores, lds, v, rows, valueStride, from, to, group, valueWidth);
      scores += <usize>rows << 2;
    }
    for (let head = from; head < to; head++) {
      const sum = load<f32>(scratch + <usize>(head - from + 1) * lds - 16);
      divide(out + (<usize>(head * valueWidth) << 2), valueWidth, sum);
    }
  }
}
