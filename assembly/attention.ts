// Attention of single tokens over the key/value cache. A cache is f32[row][kvHeads * headDim]; rows are positions.
import { exp4 } from "./exp";
import { loadPart, sumLanes, sumLanes4 } from "./lanes";

/** Copies key[t] and value[t] (width = kvHeads * headDim) to cache row rows[t]; a unit is a token. */
export function store_kv(
  first: i32, last: i32, scratch: usize,
  keyCache: usize, valueCache: usize, key: usize, value: usize, ldkv: i32, rows: usize, width: i32,
): void {
  const bytes = <usize>width << 2;
  for (let token = first; token < last; token++) {
    const to = <usize>load<i32>(rows + (<usize>token << 2)) * bytes;
    const from = <usize>token * ldkv << 2;
    memory.copy(keyCache + to, key + from, bytes);
    memory.copy(valueCache + to, value + from, bytes);
  }
}

/** q . k of four cache rows. Sums run in four lanes, ascending, then across lanes. */
// @ts-ignore: decorator
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

/** scores[r] = scale * (q . k[r]), filled up to a multiple of four with -inf; returns the largest. */
function scoreRows(scores: usize, q: usize, k: usize, count: i32, stride: usize, headDim: i32, scale: f32): f32 {
  const factor = f32x4.splat(scale);
  let most = f32x4.splat(-Infinity);
  const lastRow = k + <usize>(count - 1) * stride;
  for (let row = 0; row < count; row += 4) {
    const k0 = k + <usize>row * stride;
    // Past the end the last row stands in, so that a row's sum never depends on its neighbours.
    const s = f32x4.mul(
      dot4(q, k0, min(k0 + stride, lastRow), min(k0 + 2 * stride, lastRow), min(k0 + 3 * stride, lastRow), headDim),
      factor,
    );
    most = f32x4.pmax(most, s);
    v128.store(scores + (<usize>row << 2), s);
  }
  for (let row = count; row & 3; row++) store<f32>(scores + (<usize>row << 2), -Infinity);
  return max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 2)),
    max(f32x4.extract_lane(most, 1), f32x4.extract_lane(most, 3)),
  );
}

/** scores[r] = e^(scores[r] - most), count rounded up to four; returns their sum (four lanes, ascending, then across). */
function expRows(scores: usize, count: i32, most: f32): f32 {
  const shift = f32x4.splat(most);
  let sum = f32x4.splat(0);
  const end = scores + (<usize>((count + 3) & ~3) << 2);
  for (let at = scores; at < end; at += 16) {
    const e = exp4(f32x4.sub(v128.load(at), shift));
    sum = f32x4.add(sum, e);
    v128.store(at, e);
  }
  return sumLanes(sum);
}

/** y[0..32) = (sum over rows, ascending, of scores[r] * v[r]) / sum. */
function mix32(y: usize, scores: usize, v: usize, count: i32, stride: usize, sum: v128): void {
  let a0 = f32x4.splat(0);
  let a1 = f32x4.splat(0);
  let a2 = f32x4.splat(0);
  let a3 = f32x4.splat(0);
  let a4 = f32x4.splat(0);
  let a5 = f32x4.splat(0);
  let a6 = f32x4.splat(0);
  let a7 = f32x4.splat(0);
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
  v128.store(y, f32x4.div(a0, sum));
  v128.store(y, f32x4.div(a1, sum), 16);
  v128.store(y, f32x4.div(a2, sum), 32);
  v128.store(y, f32x4.div(a3, sum), 48);
  v128.store(y, f32x4.div(a4, sum), 64);
  v128.store(y, f32x4.div(a5, sum), 80);
  v128.store(y, f32x4.div(a6, sum), 96);
  v128.store(y, f32x4.div(a7, sum), 112);
}

/** The same for 4 columns. */
function mix4(y: usize, scores: usize, v: usize, count: i32, stride: usize, sum: v128): void {
  let a = f32x4.splat(0);
  for (let row = 0; row < count; row++) {
    a = f32x4.add(a, f32x4.mul(v128.load32_splat(scores + (<usize>row << 2)), v128.load(v)));
    v += stride;
  }
  v128.store(y, f32x4.div(a, sum));
}

/** The same for one column. */
function mix1(y: usize, scores: usize, v: usize, count: i32, stride: usize, sum: f32): void {
  let a: f32 = 0;
  for (let row = 0; row < count; row++) {
    a += load<f32>(scores + (<usize>row << 2)) * load<f32>(v);
    v += stride;
  }
  store<f32>(y, a / sum);
}

/** All columns of one head. */
function mix(y: usize, scores: usize, v: usize, count: i32, stride: usize, headDim: i32, sum: f32): void {
  const sums = f32x4.splat(sum);
  let column = 0;
  for (; column + 32 <= headDim; column += 32)
    mix32(y + (<usize>column << 2), scores, v + (<usize>column << 2), count, stride, sums);
  for (; column + 4 <= headDim; column += 4)
    mix4(y + (<usize>column << 2), scores, v + (<usize>column << 2), count, stride, sums);
  for (; column < headDim; column++)
    mix1(y + (<usize>column << 2), scores, v + (<usize>column << 2), count, stride, sum);
}

/**
 * y[t, head] = softmax(scale * q[t, head] . K^T) V over cache rows firsts[t] to rows[t], both included; a unit is
 * token * heads + head. Query head h reads key/value head h / (heads / kvHeads).
 * Scratch: 4 bytes for each visible row, rounded up to 16.
 */
export function attend_f32(
  first: i32, last: i32, scratch: usize,
  y: usize, ldy: i32, q: usize, ldq: i32, keyCache: usize, valueCache: usize, rows: usize, firsts: usize,
  heads: i32, kvHeads: i32, headDim: i32, scale: u32,
): void {
  const stride = <usize>(kvHeads * headDim) << 2;
  const group = heads / kvHeads;
  for (let unit = first; unit < last; unit++) {
    const token = unit / heads;
    const head = unit - token * heads;
    const from = load<i32>(firsts + (<usize>token << 2));
    const count = load<i32>(rows + (<usize>token << 2)) - from + 1;
    if (count <= 0) continue;
    const at = <usize>from * stride + (<usize>((head / group) * headDim) << 2);
    const column = <usize>(head * headDim) << 2;
    const query = q + (<usize>token * ldq << 2) + column;
    const most = scoreRows(scratch, query, keyCache + at, count, stride, headDim, reinterpret<f32>(scale));
    const sum = expRows(scratch, count, most);
    mix(y + (<usize>token * ldy << 2) + column, scratch, valueCache + at, count, stride, headDim, sum);
  }
}
