// The tile of 6 activation rows x 8 weight rows (words: 4 x 8): the inner loop of every integer matmul with several rows. Twelve sums
// fill the registers; a dot product takes five cycles on x86, two begin in a cycle, so eight sums would leave a fifth of them idle.
//
// D says how activations (laid out by row-tiles.ts) and unpacked codes are multiplied: 64 bytes of codes, one 32-bit lane per row of the
// panel, by 4 bytes of every activation row, which are four or two columns.
import { isFours, isPairs, isWords, valueBytes } from "../common/bits";
import { WORDS_ONE } from "../common/constants";
import { addBytes } from "./codes";
import { fold, lessZeros, scalesOf } from "./fold";
import { metaBytes, tileRows } from "./row-tiles";

/** sum + x · w, in i16 pairs or i32. */
@inline function addDot<D>(sum: v128, x: v128, w: v128): v128 {
  if (isWords<D>()) return i32x4.add(sum, i32x4.dot_i16x8_s(x, w));
  else return addBytes<D>(sum, x, w);
}

/** Stores the i32 sum of i16 pairs at `at` (`begin`), or adds it to the sum there. */
@inline function keepOne(at: usize, begin: bool, words: v128): void {
  const sum = i32x4.dot_i16x8_s(words, v128.load(WORDS_ONE));
  v128.store(at, begin ? sum : i32x4.add(v128.load(at), sum));
}

/** Adds the i16 sums of 32 columns, which is as many as they can hold, to i32 sums in memory. */
function keep(at: usize, begin: bool, a: v128, b: v128, c: v128, d: v128, e: v128, f: v128, g: v128, h: v128, i: v128, j: v128, k: v128, l: v128): void {
  keepOne(at, begin, a);
  keepOne(at + 16, begin, b);
  keepOne(at + 32, begin, c);
  keepOne(at + 48, begin, d);
  keepOne(at + 64, begin, e);
  keepOne(at + 80, begin, f);
  keepOne(at + 96, begin, g);
  keepOne(at + 112, begin, h);
  keepOne(at + 128, begin, i);
  keepOne(at + 144, begin, j);
  keepOne(at + 160, begin, k);
  keepOne(at + 176, begin, l);
}

/** The sum of a group: its last i16 sums and, if there are `more`, the sums kept in memory. */
@inline function total(words: v128, kept: usize, more: bool): v128 {
  const sum = i32x4.dot_i16x8_s(words, v128.load(WORDS_ONE));
  return more ? i32x4.add(v128.load(kept), sum) : sum;
}

/** Bytes of the activations that a step of the inner loop reads: four of each row. */
@inline function stepBytes<D>(): usize { return isWords<D>() ? 16 : 24; }

/** What the sums of a row begin with: its offset, which i16 sums cannot hold. */
@inline function first<D>(offset: v128): v128 { return isPairs<D>() ? i32x4.splat(0) : offset; }

/**
 * y += contribution of one activation group to 8 columns of row `r`, with the sums a and b. `meta` points at the scales and offsets of
 * the rows, `zeros` at those of the columns; scalesA and scalesB are theirs.
 */
@inline function foldRow<D>(y: usize, a: v128, b: v128, meta: usize, r: usize, scalesA: v128, scalesB: v128, zeros: usize, zero: i32, flip: i32): void {
  if (zero < 0) {
    const sum = load<i32>(meta + 4 * (r + <usize>tileRows<D>()));
    const begun = i32x4.splat(sum - sum * flip);
    a = lessZeros(i32x4.sub(a, begun), zeros, sum), b = lessZeros(i32x4.sub(b, begun), zeros + 4, sum);
  }
  const actScale = v128.load32_splat(meta + 4 * r);
  v128.store(y, fold(v128.load(y), a, scalesA, actScale));
  v128.store(y, fold(v128.load(y, 16), b, scalesB, actScale), 16);
}

/**
 * y[6][8] (words: y[4][8]) += the rows laid out at x times `cols` columns x 8 rows of weights. Rows of y are `yBytes` apart; `sums` are 192
 * bytes of scratch, `head` and `zeros` the scales and zeros of the first weight group, `headStep` bytes apart. The offsets of the rows are
 * those of `zero`; if it is negative, they are the sums of the codes. Values are one or two `planes` as in `dotGroupBytes`.
 */
export function codeTile<D>(y: usize, yBytes: usize, x: usize, sums: usize, weights: usize, head: usize, zeros: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32): void {
  const c = stepBytes<D>();
  for (let col = 0; col < cols; col += groupSize) {
    for (let left = min(groupSize, cols - col); left > 0; left -= actGroup) {
      const n = min(left, actGroup);
      const bytes = <usize>(tileRows<D>() * n * valueBytes<D>());
      let meta = x;
      let plane = planes;
      let a00 = first<D>(v128.load32_splat(x, c)), a01 = a00;
      let a10 = first<D>(v128.load32_splat(x, c + 4)), a11 = a10;
      let a20 = first<D>(v128.load32_splat(x, c + 8)), a21 = a20;
      let a30 = first<D>(v128.load32_splat(x, c + 12)), a31 = a30;
      let a40 = a00, a41 = a00, a50 = a00, a51 = a00;
      if (!isWords<D>()) a40 = first<D>(v128.load32_splat(x, c + 16)), a41 = a40, a50 = first<D>(v128.load32_splat(x, c + 20)), a51 = a50;
      for (;;) {
        x += metaBytes<D>();
        const stop = x + bytes;
        let turn = x + 8 * c;
        do {
          let w = v128.load(weights), v = v128.load(weights, 16), r = v128.load32_splat(x);
          a00 = addDot<D>(a00, r, w), a01 = addDot<D>(a01, r, v), r = v128.load32_splat(x, 4);
          a10 = addDot<D>(a10, r, w), a11 = addDot<D>(a11, r, v), r = v128.load32_splat(x, 8);
          a20 = addDot<D>(a20, r, w), a21 = addDot<D>(a21, r, v), r = v128.load32_splat(x, 12);
          a30 = addDot<D>(a30, r, w), a31 = addDot<D>(a31, r, v);
          if (!isWords<D>()) {
            r = v128.load32_splat(x, 16), a40 = addDot<D>(a40, r, w), a41 = addDot<D>(a41, r, v);
            r = v128.load32_splat(x, 20), a50 = addDot<D>(a50, r, w), a51 = addDot<D>(a51, r, v);
            w = v128.load(weights, 64), v = v128.load(weights, 80), r = v128.load32_splat(x, 24);
            a00 = addDot<D>(a00, r, w), a01 = addDot<D>(a01, r, v), r = v128.load32_splat(x, 28);
            a10 = addDot<D>(a10, r, w), a11 = addDot<D>(a11, r, v), r = v128.load32_splat(x, 32);
            a20 = addDot<D>(a20, r, w), a21 = addDot<D>(a21, r, v), r = v128.load32_splat(x, 36);
            a30 = addDot<D>(a30, r, w), a31 = addDot<D>(a31, r, v), r = v128.load32_splat(x, 40);
            a40 = addDot<D>(a40, r, w), a41 = addDot<D>(a41, r, v), r = v128.load32_splat(x, 44);
            a50 = addDot<D>(a50, r, w), a51 = addDot<D>(a51, r, v);
            w = v128.load(weights, 128), v = v128.load(weights, 144), r = v128.load32_splat(x, 48);
            a00 = addDot<D>(a00, r, w), a01 = addDot<D>(a01, r, v), r = v128.load32_splat(x, 52);
            a10 = addDot<D>(a10, r, w), a11 = addDot<D>(a11, r, v), r = v128.load32_splat(x, 56);
            a20 = addDot<D>(a20, r, w), a21 = addDot<D>(a21, r, v), r = v128.load32_splat(x, 60);
            a30 = addDot<D>(a30, r, w), a31 = addDot<D>(a31, r, v), r = v128.load32_splat(x, 64);
            a40 = addDot<D>(a40, r, w), a41 = addDot<D>(a41, r, v), r = v128.load32_splat(x, 68);
            a50 = addDot<D>(a50, r, w), a51 = addDot<D>(a51, r, v);
            w = v128.load(weights, 192), v = v128.load(weights, 208), r = v128.load32_splat(x, 72);
            a00 = addDot<D>(a00, r, w), a01 = addDot<D>(a01, r, v), r = v128.load32_splat(x, 76);
            a10 = addDot<D>(a10, r, w), a11 = addDot<D>(a11, r, v), r = v128.load32_splat(x, 80);
            a20 = addDot<D>(a20, r, w), a21 = addDot<D>(a21, r, v), r = v128.load32_splat(x, 84);
            a30 = addDot<D>(a30, r, w), a31 = addDot<D>(a31, r, v), r = v128.load32_splat(x, 88);
            a40 = addDot<D>(a40, r, w), a41 = addDot<D>(a41, r, v), r = v128.load32_splat(x, 92);
            a50 = addDot<D>(a50, r, w), a51 = addDot<D>(a51, r, v);
          }
          weights += isWords<D>() ? 64 : 256, x += isWords<D>() ? c : 96;
          if (isPairs<D>() && x == turn && x < stop) {
            keep(sums, x == meta + metaBytes<D>() + 8 * c, a00, a01, a10, a11, a20, a21, a30, a31, a40, a41, a50, a51);
            a00 = i32x4.splat(0), a01 = i32x4.splat(0), a10 = i32x4.splat(0), a11 = i32x4.splat(0), a20 = i32x4.splat(0), a21 = i32x4.splat(0), a30 = i32x4.splat(0), a31 = i32x4.splat(0), a40 = i32x4.splat(0), a41 = i32x4.splat(0), a50 = i32x4.splat(0), a51 = i32x4.splat(0);
            turn += 8 * c;
          }
        } while (x < stop);
        if (!isFours<D>() || --plane == 0) break;
        meta = x, weights -= <usize>(n << 4);
        let o = v128.load32_splat(x, c);
        a00 = i32x4.add(i32x4.shl(a00, 8), o), a01 = i32x4.add(i32x4.shl(a01, 8), o);
        o = v128.load32_splat(x, c + 4), a10 = i32x4.add(i32x4.shl(a10, 8), o), a11 = i32x4.add(i32x4.shl(a11, 8), o);
        o = v128.load32_splat(x, c + 8), a20 = i32x4.add(i32x4.shl(a20, 8), o), a21 = i32x4.add(i32x4.shl(a21, 8), o);
        o = v128.load32_splat(x, c + 12), a30 = i32x4.add(i32x4.shl(a30, 8), o), a31 = i32x4.add(i32x4.shl(a31, 8), o);
        o = v128.load32_splat(x, c + 16), a40 = i32x4.add(i32x4.shl(a40, 8), o), a41 = i32x4.add(i32x4.shl(a41, 8), o);
        o = v128.load32_splat(x, c + 20), a50 = i32x4.add(i32x4.shl(a50, 8), o), a51 = i32x4.add(i32x4.shl(a51, 8), o);
      }
      if (isPairs<D>()) {
        const more = bytes > 192;
        let o = v128.load32_splat(meta, c);
        a00 = i32x4.add(total(a00, sums, more), o), a01 = i32x4.add(total(a01, sums + 16, more), o);
        o = v128.load32_splat(meta, c + 4), a10 = i32x4.add(total(a10, sums + 32, more), o), a11 = i32x4.add(total(a11, sums + 48, more), o);
        o = v128.load32_splat(meta, c + 8), a20 = i32x4.add(total(a20, sums + 64, more), o), a21 = i32x4.add(total(a21, sums + 80, more), o);
        o = v128.load32_splat(meta, c + 12), a30 = i32x4.add(total(a30, sums + 96, more), o), a31 = i32x4.add(total(a31, sums + 112, more), o);
        o = v128.load32_splat(meta, c + 16), a40 = i32x4.add(total(a40, sums + 128, more), o), a41 = i32x4.add(total(a41, sums + 144, more), o);
        o = v128.load32_splat(meta, c + 20), a50 = i32x4.add(total(a50, sums + 160, more), o), a51 = i32x4.add(total(a51, sums + 176, more), o);
      }
      const scalesA = scalesOf(head), scalesB = scalesOf(head + 8);
      foldRow<D>(y, a00, a01, meta, 0, scalesA, scalesB, zeros, zero, flip);
      foldRow<D>(y + yBytes, a10, a11, meta, 1, scalesA, scalesB, zeros, zero, flip);
      foldRow<D>(y + 2 * yBytes, a20, a21, meta, 2, scalesA, scalesB, zeros, zero, flip);
      foldRow<D>(y + 3 * yBytes, a30, a31, meta, 3, scalesA, scalesB, zeros, zero, flip);
      if (!isWords<D>()) {
        foldRow<D>(y + 4 * yBytes, a40, a41, meta, 4, scalesA, scalesB, zeros, zero, flip);
        foldRow<D>(y + 5 * yBytes, a50, a51, meta, 5, scalesA, scalesB, zeros, zero, flip);
      }
    }
    head += headStep, zeros += headStep;
  }
}
