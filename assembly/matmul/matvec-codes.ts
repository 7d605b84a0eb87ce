// Multiplies one activation row by a packed panel. Codes are unpacked in registers, and the panel is read once from end to end.
import { bitsOf } from "../common/bits";
import { byteMask, codeStep, dotThree, dotVector, dotHalf, halfMask, halfStep, pairStep, rowStep } from "./codes";
import { BYTES_03, BYTES_04, WORDS_00FF, WORDS_ONE } from "../common/constants";
import { fold, sumOf } from "./fold";
import { GROUP_HEAD } from "./panel";

/** y[16] = panel · record with int8 activations. */
export function matvecNarrow<W>(y: usize, panel: usize, record: usize, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32): void {
  const mask = byteMask<W>();
  const three = v128.load(BYTES_03);
  const four = v128.load(BYTES_04);
  const ones = v128.load(WORDS_ONE);
  let w = panel;
  let x = record + valuesOffset;
  let meta = record;
  let y0 = f32x4.splat(0), y1 = f32x4.splat(0), y2 = f32x4.splat(0), y3 = f32x4.splat(0);
  for (let col = 0; col < k; col += groupSize) {
    const head = w;
    w += GROUP_HEAD;
    for (let left = groupSize; left > 0; left -= actGroup) {
      const end = x + <usize>min(left, actGroup);
      let a0 = i32x4.splat(0), a1 = i32x4.splat(0), a2 = i32x4.splat(0), a3 = i32x4.splat(0);
      do {
        let x0 = v128.load32_splat(x), x1 = v128.load32_splat(x, 4), x2 = x0, x3 = x1;
        let b0: v128, b1: v128, b2: v128, b3: v128;
        if (bitsOf<W>() == 3) {
          x2 = v128.load32_splat(x, 8), x3 = v128.load32_splat(x, 12);
          const x4 = v128.load32_splat(x, 16), x5 = v128.load32_splat(x, 20), x6 = v128.load32_splat(x, 24), x7 = v128.load32_splat(x, 28);
          b0 = dotThree(v128.load(w), v128.load(w, 16), v128.load(w, 32), mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
          b1 = dotThree(v128.load(w, 48), v128.load(w, 64), v128.load(w, 80), mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
          b2 = dotThree(v128.load(w, 96), v128.load(w, 112), v128.load(w, 128), mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
          b3 = dotThree(v128.load(w, 144), v128.load(w, 160), v128.load(w, 176), mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        } else {
          if (bitsOf<W>() == 2) x2 = v128.load32_splat(x, 8), x3 = v128.load32_splat(x, 12);
          b0 = dotVector<W>(v128.load(w), mask, x0, x1, x2, x3);
          b1 = dotVector<W>(v128.load(w, 16), mask, x0, x1, x2, x3);
          b2 = dotVector<W>(v128.load(w, 32), mask, x0, x1, x2, x3);
          b3 = dotVector<W>(v128.load(w, 48), mask, x0, x1, x2, x3);
          if (bitsOf<W>() == 2) {
            x0 = v128.load32_splat(x, 16), x1 = v128.load32_splat(x, 20), x2 = v128.load32_splat(x, 24), x3 = v128.load32_splat(x, 28);
          } else {
            x0 = v128.load32_splat(x, 8), x1 = v128.load32_splat(x, 12);
          }
          b0 = i16x8.add(b0, dotVector<W>(v128.load(w, 64), mask, x0, x1, x2, x3));
          b1 = i16x8.add(b1, dotVector<W>(v128.load(w, 80), mask, x0, x1, x2, x3));
          b2 = i16x8.add(b2, dotVector<W>(v128.load(w, 96), mask, x0, x1, x2, x3));
          b3 = i16x8.add(b3, dotVector<W>(v128.load(w, 112), mask, x0, x1, x2, x3));
          if (bitsOf<W>() == 4) {
            x0 = v128.load32_splat(x, 16), x1 = v128.load32_splat(x, 20);
            b0 = i16x8.add(b0, dotVector<W>(v128.load(w, 128), mask, x0, x1, x2, x3));
            b1 = i16x8.add(b1, dotVector<W>(v128.load(w, 144), mask, x0, x1, x2, x3));
            b2 = i16x8.add(b2, dotVector<W>(v128.load(w, 160), mask, x0, x1, x2, x3));
            b3 = i16x8.add(b3, dotVector<W>(v128.load(w, 176), mask, x0, x1, x2, x3));
            x0 = v128.load32_splat(x, 24), x1 = v128.load32_splat(x, 28);
            b0 = i16x8.add(b0, dotVector<W>(v128.load(w, 192), mask, x0, x1, x2, x3));
            b1 = i16x8.add(b1, dotVector<W>(v128.load(w, 208), mask, x0, x1, x2, x3));
            b2 = i16x8.add(b2, dotVector<W>(v128.load(w, 224), mask, x0, x1, x2, x3));
            b3 = i16x8.add(b3, dotVector<W>(v128.load(w, 240), mask, x0, x1, x2, x3));
          }
        }
        a0 = i32x4.add(a0, i32x4.dot_i16x8_s(b0, ones));
        a1 = i32x4.add(a1, i32x4.dot_i16x8_s(b1, ones));
        a2 = i32x4.add(a2, i32x4.dot_i16x8_s(b2, ones));
        a3 = i32x4.add(a3, i32x4.dot_i16x8_s(b3, ones));
        w += 64 * bitsOf<W>();
        x += 32;
      } while (x < end);
      const scale = v128.load32_splat(meta);
      const sum = sumOf<i8>(meta);
      y0 = fold<i8>(y0, a0, v128.load(head), scale, sum);
      y1 = fold<i8>(y1, a1, v128.load(head, 16), scale, sum);
      y2 = fold<i8>(y2, a2, v128.load(head, 32), scale, sum);
      y3 = fold<i8>(y3, a3, v128.load(head, 48), scale, sum);
      meta += 8;
    }
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  v128.store(y, y2, 32);
  v128.store(y, y3, 48);
}

/** y[16] = panel · record with int16 activations. */
export function matvecWide<W>(y: usize, panel: usize, record: usize, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32): void {
  const mask = halfMask<W>();
  const three = v128.and(v128.load(BYTES_03), v128.load(WORDS_00FF));
  const four = v128.and(v128.load(BYTES_04), v128.load(WORDS_00FF));
  const pair = pairStep<W>();
  const step = rowStep<W>();
  let w = panel;
  let x = record + valuesOffset;
  let meta = record;
  let y0 = f32x4.splat(0), y1 = f32x4.splat(0), y2 = f32x4.splat(0), y3 = f32x4.splat(0);
  for (let col = 0; col < k; col += groupSize) {
    const head = w;
    w += GROUP_HEAD;
    for (let left = groupSize; left > 0; left -= actGroup) {
      const end = x + <usize>(2 * min(left, actGroup));
      let a0 = i32x4.splat(0), a1 = i32x4.splat(0), a2 = i32x4.splat(0), a3 = i32x4.splat(0);
      do {
        let x0 = v128.load32_splat(x), x1 = v128.load32_splat(x, pair), x2 = v128.load32_splat(x, 2 * pair), x3 = v128.load32_splat(x, 3 * pair);
        let x4 = v128.load32_splat(x, 4 * pair), x5 = v128.load32_splat(x, 5 * pair), x6 = v128.load32_splat(x, 6 * pair), x7 = v128.load32_splat(x, 7 * pair);
        a0 = dotHalf<W>(a0, w, false, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a1 = dotHalf<W>(a1, w + step, false, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a2 = dotHalf<W>(a2, w + 2 * step, false, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a3 = dotHalf<W>(a3, w + 3 * step, false, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        const xo = x + halfStep<W>();
        const wo = w + codeStep<W>();
        x0 = v128.load32_splat(xo), x1 = v128.load32_splat(xo, pair), x2 = v128.load32_splat(xo, 2 * pair), x3 = v128.load32_splat(xo, 3 * pair);
        x4 = v128.load32_splat(xo, 4 * pair), x5 = v128.load32_splat(xo, 5 * pair), x6 = v128.load32_splat(xo, 6 * pair), x7 = v128.load32_splat(xo, 7 * pair);
        a0 = dotHalf<W>(a0, wo, true, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a1 = dotHalf<W>(a1, wo + step, true, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a2 = dotHalf<W>(a2, wo + 2 * step, true, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a3 = dotHalf<W>(a3, wo + 3 * step, true, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        w += 64 * bitsOf<W>();
        x += 64;
      } while (x < end);
      const scale = v128.load32_splat(meta);
      const sum = sumOf<i16>(meta);
      y0 = fold<i16>(y0, a0, v128.load(head), scale, sum);
      y1 = fold<i16>(y1, a1, v128.load(head, 16), scale, sum);
      y2 = fold<i16>(y2, a2, v128.load(head, 32), scale, sum);
      y3 = fold<i16>(y3, a3, v128.load(head, 48), scale, sum);
      meta += 8;
    }
  }
  v128.store(y, y0);
  v128.store(y, y1, 16);
  v128.store(y, y2, 32);
  v128.store(y, y3, 48);
}
