// Tiles of 4 activation rows x 8 weight rows over unpacked codes, the inner loop of integer matmuls with several rows.
//
// Unpacked codes, a step of four columns (i8) or two (i16): 64 bytes, a 32-bit lane a row. `x0` to `x3` are the records,
// `valuesAt` and `metaAt` the offsets in them where this piece begins; `head` is the head of its first weight group.
import { WORDS_ONE } from "./constants";
import { fold, sumOf } from "./fold";

@inline function addBytes(sum: v128, x: v128, codes: v128): v128 { return i16x8.add(sum, v128.relaxed_dot<i16>(x, codes)); }
@inline function addWords(sum: v128, x: v128, codes: v128): v128 { return i32x4.add(sum, i32x4.dot_i16x8_s(x, codes)); }
@inline function widened(sum: v128, words: v128, ones: v128): v128 { return i32x4.add(sum, i32x4.dot_i16x8_s(words, ones)); }

/** y += what one activation group adds to 8 columns of a row: their sums a and b. */
@inline function foldRow<V>(y: usize, a: v128, b: v128, meta: usize, head: usize): void {
  const scale = v128.load32_splat(meta);
  const sum = sumOf<V>(meta);
  v128.store(y, fold<V>(v128.load(y), a, v128.load(head), scale, sum));
  v128.store(y, fold<V>(v128.load(y, 16), b, v128.load(head, 16), scale, sum), 16);
}

/** y[4][8] += 4 rows of int8 activations times `cols` columns of unpacked codes. */
export function tileNarrow(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, valuesAt: usize, metaAt: usize, codes: usize, head: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32): void {
  const ones = v128.load(WORDS_ONE);
  let m0 = x0 + metaAt, m1 = x1 + metaAt, m2 = x2 + metaAt, m3 = x3 + metaAt;
  x0 += valuesAt, x1 += valuesAt, x2 += valuesAt, x3 += valuesAt;
  for (let col = 0; col < cols; col += groupSize) {
    for (let left = min(groupSize, cols - col); left > 0; left -= actGroup) {
      const end = x0 + <usize>min(left, actGroup);
      let s00 = i32x4.splat(0), s01 = i32x4.splat(0), s10 = i32x4.splat(0), s11 = i32x4.splat(0);
      let s20 = i32x4.splat(0), s21 = i32x4.splat(0), s30 = i32x4.splat(0), s31 = i32x4.splat(0);
      do {
        let a00 = i16x8.splat(0), a01 = i16x8.splat(0), a10 = i16x8.splat(0), a11 = i16x8.splat(0);
        let a20 = i16x8.splat(0), a21 = i16x8.splat(0), a30 = i16x8.splat(0), a31 = i16x8.splat(0);
        const stop = x0 + 32;
        do {
          let w0 = v128.load(codes), w1 = v128.load(codes, 16), x = v128.load32_splat(x0);
          a00 = addBytes(a00, x, w0), a01 = addBytes(a01, x, w1), x = v128.load32_splat(x1);
          a10 = addBytes(a10, x, w0), a11 = addBytes(a11, x, w1), x = v128.load32_splat(x2);
          a20 = addBytes(a20, x, w0), a21 = addBytes(a21, x, w1), x = v128.load32_splat(x3);
          a30 = addBytes(a30, x, w0), a31 = addBytes(a31, x, w1);
          w0 = v128.load(codes, 64), w1 = v128.load(codes, 80), x = v128.load32_splat(x0, 4);
          a00 = addBytes(a00, x, w0), a01 = addBytes(a01, x, w1), x = v128.load32_splat(x1, 4);
          a10 = addBytes(a10, x, w0), a11 = addBytes(a11, x, w1), x = v128.load32_splat(x2, 4);
          a20 = addBytes(a20, x, w0), a21 = addBytes(a21, x, w1), x = v128.load32_splat(x3, 4);
          a30 = addBytes(a30, x, w0), a31 = addBytes(a31, x, w1);
          codes += 128, x0 += 8, x1 += 8, x2 += 8, x3 += 8;
        } while (x0 < stop);
        s00 = widened(s00, a00, ones), s01 = widened(s01, a01, ones), s10 = widened(s10, a10, ones), s11 = widened(s11, a11, ones);
        s20 = widened(s20, a20, ones), s21 = widened(s21, a21, ones), s30 = widened(s30, a30, ones), s31 = widened(s31, a31, ones);
      } while (x0 < end);
      foldRow<i8>(y, s00, s01, m0, head);
      foldRow<i8>(y + yBytes, s10, s11, m1, head);
      foldRow<i8>(y + 2 * yBytes, s20, s21, m2, head);
      foldRow<i8>(y + 3 * yBytes, s30, s31, m3, head);
      m0 += 8, m1 += 8, m2 += 8, m3 += 8;
    }
    head += headStep;
  }
}

/** y[4][8] += 4 rows of int16 activations times `cols` columns of unpacked codes. */
export function tileWide(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, valuesAt: usize, metaAt: usize, codes: usize, head: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32): void {
  let m0 = x0 + metaAt, m1 = x1 + metaAt, m2 = x2 + metaAt, m3 = x3 + metaAt;
  x0 += valuesAt, x1 += valuesAt, x2 += valuesAt, x3 += valuesAt;
  for (let col = 0; col < cols; col += groupSize) {
    for (let left = min(groupSize, cols - col); left > 0; left -= actGroup) {
      const end = x0 + <usize>(2 * min(left, actGroup));
      let s00 = i32x4.splat(0), s01 = i32x4.splat(0), s10 = i32x4.splat(0), s11 = i32x4.splat(0);
      let s20 = i32x4.splat(0), s21 = i32x4.splat(0), s30 = i32x4.splat(0), s31 = i32x4.splat(0);
      do {
        let w0 = v128.load(codes), w1 = v128.load(codes, 16), x = v128.load32_splat(x0);
        s00 = addWords(s00, x, w0), s01 = addWords(s01, x, w1), x = v128.load32_splat(x1);
        s10 = addWords(s10, x, w0), s11 = addWords(s11, x, w1), x = v128.load32_splat(x2);
        s20 = addWords(s20, x, w0), s21 = addWords(s21, x, w1), x = v128.load32_splat(x3);
        s30 = addWords(s30, x, w0), s31 = addWords(s31, x, w1);
        w0 = v128.load(codes, 64), w1 = v128.load(codes, 80), x = v128.load32_splat(x0, 4);
        s00 = addWords(s00, x, w0), s01 = addWords(s01, x, w1), x = v128.load32_splat(x1, 4);
        s10 = addWords(s10, x, w0), s11 = addWords(s11, x, w1), x = v128.load32_splat(x2, 4);
        s20 = addWords(s20, x, w0), s21 = addWords(s21, x, w1), x = v128.load32_splat(x3, 4);
        s30 = addWords(s30, x, w0), s31 = addWords(s31, x, w1);
        codes += 128, x0 += 8, x1 += 8, x2 += 8, x3 += 8;
      } while (x0 < end);
      foldRow<i16>(y, s00, s01, m0, head);
      foldRow<i16>(y + yBytes, s10, s11, m1, head);
      foldRow<i16>(y + 2 * yBytes, s20, s21, m2, head);
      foldRow<i16>(y + 3 * yBytes, s30, s31, m3, head);
      m0 += 8, m1 += 8, m2 += 8, m3 += 8;
    }
    head += headStep;
  }
}
