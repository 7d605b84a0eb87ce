// The tile of 4 activation rows x 8 weight rows: the inner loop of every matmul with several rows.
//
// D says how activations and weights are multiplied: integers by unpacked codes, floats (F32) by f32 weights. In each case 64 bytes of
// weights, one 32-bit lane per row of the panel, are multiplied by 4 bytes of every activation row: four, two or one columns.
import { F32, isFloats, isFours, isPairs, valueBytes } from "../common/bits";
import { WORDS_ONE } from "../common/constants";
import { addBytes } from "./codes";
import { fold, lessZeros, scalesOf } from "./fold";

/** Columns that are summed from zero before they are added to y (docs/kernels.md): the float order. */
const CHUNK: i32 = 32;

/** sum + x · w, in i16 pairs, i32 or f32. */
@inline function addDot<D>(sum: v128, x: v128, w: v128): v128 {
  if (isFloats<D>()) return f32x4.add(sum, f32x4.mul(x, w));
  else if (valueBytes<D>() == 2) return i32x4.add(sum, i32x4.dot_i16x8_s(x, w));
  else return addBytes<D>(sum, x, w);
}

/** Stores the i32 sum of i16 pairs at `at` (`begin`), or adds it to the sum there. */
@inline function keepOne(at: usize, begin: bool, words: v128): void {
  const sum = i32x4.dot_i16x8_s(words, v128.load(WORDS_ONE));
  v128.store(at, begin ? sum : i32x4.add(v128.load(at), sum));
}

/** Adds the i16 sums of 32 columns, which is as many as they can hold, to i32 sums in memory. */
function keep(at: usize, begin: bool, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128): void {
  keepOne(at, begin, a);
  keepOne(at + 16, begin, b);
  keepOne(at + 32, begin, c);
  keepOne(at + 48, begin, d);
  keepOne(at + 64, begin, e);
  keepOne(at + 80, begin, f);
  keepOne(at + 96, begin, g);
  keepOne(at + 112, begin, h);
}

/** The sum of a group: its last i16 sums and, if there are `more`, the sums kept in memory. */
@inline function total(words: v128, kept: usize, more: bool): v128 {
  const sum = i32x4.dot_i16x8_s(words, v128.load(WORDS_ONE));
  return more ? i32x4.add(v128.load(kept), sum) : sum;
}

/**
 * y += contribution of one activation group (floats: of a chunk of 32 columns) to 8 columns of a row, with the sums a and b.
 * scalesA and scalesB are those of the columns, `zeros` an address in the head of the weight group; other arguments as of `foldRows`.
 */
@inline function foldRow<D>(y: usize, a: v128, b: v128, meta: usize, scalesA: v128, scalesB: v128, zeros: usize, zero: i32, flip: i32): void {
  if (isFloats<D>()) {
    v128.store(y, f32x4.add(v128.load(y), a));
    v128.store(y, f32x4.add(v128.load(y, 16), b), 16);
  } else {
    const sum = load<i32>(meta, 4);
    const actScale = v128.load32_splat(meta);
    const offset = i32x4.splat((flip - max(zero, 0)) * sum);
    a = i32x4.add(a, offset), b = i32x4.add(b, offset);
    if (zero < 0) a = lessZeros(a, zeros, sum), b = lessZeros(b, zeros + 4, sum);
    v128.store(y, fold(v128.load(y), a, scalesA, actScale));
    v128.store(y, fold(v128.load(y, 16), b, scalesB, actScale), 16);
  }
}

/**
 * y[4][8] += 4 rows of activations times `cols` columns x 8 rows of weights. x0 to x3 point at the values, m0 to m3 at the meta entries
 * of their records, `sums` at 128 bytes of scratch, `head` and `zeros` at the scales and zeros of the first weight group. Values are one
 * or two `planes` as in `dotGroupBytes`.
 */
@inline function multiplyTile<D>(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, m0: usize, m1: usize, m2: usize, m3: usize, sums: usize, weights: usize, head: usize, zeros: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32, planeStep: usize): void {
  const none = f32x4.splat(0);
  for (let col = 0; col < cols; col += groupSize) {
    for (let left = min(groupSize, cols - col); left > 0; left -= actGroup) {
      const begin = x0;
      const end = begin + <usize>min(left, actGroup) * valueBytes<D>();
      let stop = end;
      let plane = planes;
      let a00 = none, a01 = none, a10 = none, a11 = none, a20 = none, a21 = none, a30 = none, a31 = none;
      for (;;) {
        while (x0 + 32 <= stop) {
          let w = v128.load(weights), v = v128.load(weights, 16), x = v128.load32_splat(x0);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          w = v128.load(weights, 64), v = v128.load(weights, 80), x = v128.load32_splat(x0, 4);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1, 4);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2, 4);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3, 4);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          w = v128.load(weights, 128), v = v128.load(weights, 144), x = v128.load32_splat(x0, 8);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1, 8);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2, 8);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3, 8);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          w = v128.load(weights, 192), v = v128.load(weights, 208), x = v128.load32_splat(x0, 12);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1, 12);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2, 12);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3, 12);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          w = v128.load(weights, 256), v = v128.load(weights, 272), x = v128.load32_splat(x0, 16);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1, 16);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2, 16);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3, 16);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          w = v128.load(weights, 320), v = v128.load(weights, 336), x = v128.load32_splat(x0, 20);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1, 20);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2, 20);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3, 20);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          w = v128.load(weights, 384), v = v128.load(weights, 400), x = v128.load32_splat(x0, 24);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1, 24);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2, 24);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3, 24);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          w = v128.load(weights, 448), v = v128.load(weights, 464), x = v128.load32_splat(x0, 28);
          a00 = addDot<D>(a00, x, w), a01 = addDot<D>(a01, x, v), x = v128.load32_splat(x1, 28);
          a10 = addDot<D>(a10, x, w), a11 = addDot<D>(a11, x, v), x = v128.load32_splat(x2, 28);
          a20 = addDot<D>(a20, x, w), a21 = addDot<D>(a21, x, v), x = v128.load32_splat(x3, 28);
          a30 = addDot<D>(a30, x, w), a31 = addDot<D>(a31, x, v);
          weights += 512, x0 += 32, x1 += 32, x2 += 32, x3 += 32;
          if (isPairs<D>() && x0 < end) {
            keep(sums, x0 - 32 == begin, a00, a01, a10, a11, a20, a21, a30, a31);
            a00 = none, a01 = none, a10 = none, a11 = none, a20 = none, a21 = none, a30 = none, a31 = none;
          }
        }
        if (!isFours<D>() || --plane == 0) break;
        const back = planeStep - (end - begin);
        stop += planeStep, x0 += back, x1 += back, x2 += back, x3 += back, weights -= (end - begin) << 4;
        a00 = i32x4.shl(a00, 8), a01 = i32x4.shl(a01, 8), a10 = i32x4.shl(a10, 8), a11 = i32x4.shl(a11, 8);
        a20 = i32x4.shl(a20, 8), a21 = i32x4.shl(a21, 8), a30 = i32x4.shl(a30, 8), a31 = i32x4.shl(a31, 8);
      }
      if (isFours<D>()) {
        const over = stop - end;
        x0 -= over, x1 -= over, x2 -= over, x3 -= over;
      }
      if (isPairs<D>()) {
        const more = end > begin + 32;
        a00 = total(a00, sums, more), a01 = total(a01, sums + 16, more), a10 = total(a10, sums + 32, more), a11 = total(a11, sums + 48, more);
        a20 = total(a20, sums + 64, more), a21 = total(a21, sums + 80, more), a30 = total(a30, sums + 96, more), a31 = total(a31, sums + 112, more);
      }
      const scalesA = scalesOf(head), scalesB = scalesOf(head + 8);
      foldRow<D>(y, a00, a01, m0, scalesA, scalesB, zeros, zero, flip);
      foldRow<D>(y + yBytes, a10, a11, m1, scalesA, scalesB, zeros, zero, flip);
      foldRow<D>(y + 2 * yBytes, a20, a21, m2, scalesA, scalesB, zeros, zero, flip);
      foldRow<D>(y + 3 * yBytes, a30, a31, m3, scalesA, scalesB, zeros, zero, flip);
      m0 += 8, m1 += 8, m2 += 8, m3 += 8;
    }
    head += headStep, zeros += headStep;
  }
}

/** The tile of integers; rows of y are `yBytes` apart. */
export function codeTile<D>(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, m0: usize, m1: usize, m2: usize, m3: usize, sums: usize, weights: usize, head: usize, zeros: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32, planeStep: usize): void {
  multiplyTile<D>(y, yBytes, x0, x1, x2, x3, m0, m1, m2, m3, sums, weights, head, zeros, headStep, cols, groupSize, actGroup, zero, flip, planes, planeStep);
}

/** The tile of floats; rows of y are `yBytes` apart. Its loop is short: Node 20's compiler keeps the sums of a long one in memory. */
export function floatTile(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, weights: usize, cols: i32): void {
  const none = f32x4.splat(0);
  const end = weights + (<usize>cols << 6);
  while (weights < end) {
    const stop = min(weights + 64 * CHUNK, end);
    let a00 = none, a01 = none, a10 = none, a11 = none, a20 = none, a21 = none, a30 = none, a31 = none;
    do {
      const w = v128.load(weights), v = v128.load(weights, 16);
      let x = v128.load32_splat(x0);
      a00 = addDot<F32>(a00, x, w), a01 = addDot<F32>(a01, x, v), x = v128.load32_splat(x1);
      a10 = addDot<F32>(a10, x, w), a11 = addDot<F32>(a11, x, v), x = v128.load32_splat(x2);
      a20 = addDot<F32>(a20, x, w), a21 = addDot<F32>(a21, x, v), x = v128.load32_splat(x3);
      a30 = addDot<F32>(a30, x, w), a31 = addDot<F32>(a31, x, v);
      weights += 64, x0 += 4, x1 += 4, x2 += 4, x3 += 4;
    } while (weights < stop);
    foldRow<F32>(y, a00, a01, 0, none, none, 0, 0, 0);
    foldRow<F32>(y + yBytes, a10, a11, 0, none, none, 0, 0, 0);
    foldRow<F32>(y + 2 * yBytes, a20, a21, 0, none, none, 0, 0, 0);
    foldRow<F32>(y + 3 * yBytes, a30, a31, 0, none, none, 0, 0, 0);
  }
}
