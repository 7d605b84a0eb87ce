// Multiplies one activation group by the codes of a panel: the inner loops of decoding, for bytes (relaxed SIMD) and for 16-bit words.
import { bitsOf, Fours, Pairs, W3 } from "../common/bits";
import { BYTES_03, BYTES_04, WORDS_00FF, WORDS_ONE } from "../common/constants";
import { dotThree, dotThreeWords, dotVector, dotWords, halfMask } from "./codes";
import { foldRows, offsetOf } from "./fold";

/** Columns that a vector of codes holds. */
@inline function vectorColumns<W>(): usize { return bitsOf<W>() == 8 ? 4 : bitsOf<W>() == 4 ? 8 : 16; }

/**
 * y[16] += contribution of n columns, whose codes are at w. Activations are bytes, or (planes 2) 16 bits: their upper bytes, and their
 * lower bytes `planeStep` further on. One turn of the inner loop takes 32 columns (8 bits: 16).
 */
@inline export function dotGroupBytes<W>(y: usize, head: usize, w: usize, x: usize, meta: usize, n: i32, zero: i32, flip: i32, planes: i32, planeStep: usize, mask: v128, three: v128, four: v128): void {
  const c = vectorColumns<W>();
  let a0 = i32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  const offset = offsetOf(meta, zero, flip);
  for (;;) {
    let b0 = planes == 1 ? offset : i32x4.splat(0), b1 = b0, b2 = b0, b3 = b0;
    let q = w, at = x;
    const end = x + <usize>n;
    do {
      let x0 = v128.load32_splat(at), x1 = x0, x2 = x0, x3 = x0;
      if (bitsOf<W>() == 3) {
        x1 = v128.load32_splat(at, 4), x2 = v128.load32_splat(at, 8), x3 = v128.load32_splat(at, 12);
        const x4 = v128.load32_splat(at, 16), x5 = v128.load32_splat(at, 20), x6 = v128.load32_splat(at, 24), x7 = v128.load32_splat(at, 28);
        a0 = dotThree<Fours>(a0, q, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a1 = dotThree<Fours>(a1, q + 48, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a2 = dotThree<Fours>(a2, q + 96, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
        a3 = dotThree<Fours>(a3, q + 144, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
      } else {
        if (bitsOf<W>() < 8) x1 = v128.load32_splat(at, 4);
        if (bitsOf<W>() == 2) x2 = v128.load32_splat(at, 8), x3 = v128.load32_splat(at, 12);
        a0 = dotVector<W, Fours>(a0, v128.load(q), mask, x0, x1, x2, x3), a1 = dotVector<W, Fours>(a1, v128.load(q, 16), mask, x0, x1, x2, x3);
        a2 = dotVector<W, Fours>(a2, v128.load(q, 32), mask, x0, x1, x2, x3), a3 = dotVector<W, Fours>(a3, v128.load(q, 48), mask, x0, x1, x2, x3);
        x0 = v128.load32_splat(at, c);
        if (bitsOf<W>() < 8) x1 = v128.load32_splat(at, c + 4);
        if (bitsOf<W>() == 2) x2 = v128.load32_splat(at, c + 8), x3 = v128.load32_splat(at, c + 12);
        b0 = dotVector<W, Fours>(b0, v128.load(q, 64), mask, x0, x1, x2, x3), b1 = dotVector<W, Fours>(b1, v128.load(q, 80), mask, x0, x1, x2, x3);
        b2 = dotVector<W, Fours>(b2, v128.load(q, 96), mask, x0, x1, x2, x3), b3 = dotVector<W, Fours>(b3, v128.load(q, 112), mask, x0, x1, x2, x3);
        if (bitsOf<W>() != 2) {
          x0 = v128.load32_splat(at, 2 * c);
          if (bitsOf<W>() < 8) x1 = v128.load32_splat(at, 2 * c + 4);
          a0 = dotVector<W, Fours>(a0, v128.load(q, 128), mask, x0, x1, x2, x3), a1 = dotVector<W, Fours>(a1, v128.load(q, 144), mask, x0, x1, x2, x3);
          a2 = dotVector<W, Fours>(a2, v128.load(q, 160), mask, x0, x1, x2, x3), a3 = dotVector<W, Fours>(a3, v128.load(q, 176), mask, x0, x1, x2, x3);
          x0 = v128.load32_splat(at, 3 * c);
          if (bitsOf<W>() < 8) x1 = v128.load32_splat(at, 3 * c + 4);
          b0 = dotVector<W, Fours>(b0, v128.load(q, 192), mask, x0, x1, x2, x3), b1 = dotVector<W, Fours>(b1, v128.load(q, 208), mask, x0, x1, x2, x3);
          b2 = dotVector<W, Fours>(b2, v128.load(q, 224), mask, x0, x1, x2, x3), b3 = dotVector<W, Fours>(b3, v128.load(q, 240), mask, x0, x1, x2, x3);
        }
      }
      q += bitsOf<W>() == 8 ? 256 : 64 * bitsOf<W>();
      at += bitsOf<W>() == 8 ? 16 : 32;
    } while (at < end);
    a0 = i32x4.add(a0, b0), a1 = i32x4.add(a1, b1), a2 = i32x4.add(a2, b2), a3 = i32x4.add(a3, b3);
    if (--planes == 0) break;
    a0 = i32x4.shl(a0, 8), a1 = i32x4.shl(a1, 8), a2 = i32x4.shl(a2, 8), a3 = i32x4.shl(a3, 8);
    x += planeStep;
  }
  foldRows(y, a0, a1, a2, a3, head, meta, zero);
}

/** sum + the two sums of every lane. */
@inline function addPairs(sum: v128, pairs: v128, ones: v128): v128 { return i32x4.add(sum, i32x4.dot_i16x8_s(pairs, ones)); }

/**
 * The same as `dotGroupBytes` for one plane of codes below 8 bits, by sums of two products, which are two instructions where those of four
 * are three or more. A sum of 16 bits has room for 32 columns.
 */
@inline export function dotGroupPairs<W>(y: usize, head: usize, w: usize, x: usize, meta: usize, n: i32, zero: i32, mask: v128, three: v128, four: v128): void {
  const c = vectorColumns<W>();
  const ones = v128.load(WORDS_ONE);
  let a0 = offsetOf(meta, zero, 0), a1 = a0, a2 = a0, a3 = a0;
  const end = x + <usize>n;
  do {
    let b0 = i32x4.splat(0), b1 = b0, b2 = b0, b3 = b0;
    let x0 = v128.load32_splat(x), x1 = v128.load32_splat(x, 4), x2 = x0, x3 = x0;
    if (bitsOf<W>() < 4) x2 = v128.load32_splat(x, 8), x3 = v128.load32_splat(x, 12);
    if (bitsOf<W>() == 3) {
      const x4 = v128.load32_splat(x, 16), x5 = v128.load32_splat(x, 20), x6 = v128.load32_splat(x, 24), x7 = v128.load32_splat(x, 28);
      b0 = dotThree<Pairs>(b0, w, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
      b1 = dotThree<Pairs>(b1, w + 48, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
      b2 = dotThree<Pairs>(b2, w + 96, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
      b3 = dotThree<Pairs>(b3, w + 144, mask, three, four, x0, x1, x2, x3, x4, x5, x6, x7);
    } else {
      b0 = dotVector<W, Pairs>(b0, v128.load(w), mask, x0, x1, x2, x3), b1 = dotVector<W, Pairs>(b1, v128.load(w, 16), mask, x0, x1, x2, x3);
      b2 = dotVector<W, Pairs>(b2, v128.load(w, 32), mask, x0, x1, x2, x3), b3 = dotVector<W, Pairs>(b3, v128.load(w, 48), mask, x0, x1, x2, x3);
      x0 = v128.load32_splat(x, c), x1 = v128.load32_splat(x, c + 4);
      if (bitsOf<W>() == 2) x2 = v128.load32_splat(x, c + 8), x3 = v128.load32_splat(x, c + 12);
      b0 = dotVector<W, Pairs>(b0, v128.load(w, 64), mask, x0, x1, x2, x3), b1 = dotVector<W, Pairs>(b1, v128.load(w, 80), mask, x0, x1, x2, x3);
      b2 = dotVector<W, Pairs>(b2, v128.load(w, 96), mask, x0, x1, x2, x3), b3 = dotVector<W, Pairs>(b3, v128.load(w, 112), mask, x0, x1, x2, x3);
      if (bitsOf<W>() == 4) {
        x0 = v128.load32_splat(x, 16), x1 = v128.load32_splat(x, 20);
        b0 = dotVector<W, Pairs>(b0, v128.load(w, 128), mask, x0, x1, x2, x3), b1 = dotVector<W, Pairs>(b1, v128.load(w, 144), mask, x0, x1, x2, x3);
        b2 = dotVector<W, Pairs>(b2, v128.load(w, 160), mask, x0, x1, x2, x3), b3 = dotVector<W, Pairs>(b3, v128.load(w, 176), mask, x0, x1, x2, x3);
        x0 = v128.load32_splat(x, 24), x1 = v128.load32_splat(x, 28);
        b0 = dotVector<W, Pairs>(b0, v128.load(w, 192), mask, x0, x1, x2, x3), b1 = dotVector<W, Pairs>(b1, v128.load(w, 208), mask, x0, x1, x2, x3);
        b2 = dotVector<W, Pairs>(b2, v128.load(w, 224), mask, x0, x1, x2, x3), b3 = dotVector<W, Pairs>(b3, v128.load(w, 240), mask, x0, x1, x2, x3);
      }
    }
    w += 64 * bitsOf<W>(), x += 32;
    a0 = addPairs(a0, b0, ones), a1 = addPairs(a1, b1, ones), a2 = addPairs(a2, b2, ones), a3 = addPairs(a3, b3, ones);
  } while (x < end);
  foldRows(y, a0, a1, a2, a3, head, meta, zero);
}

/** sum + a chunk of 3-bit codes of four rows times 32 words at x. A call keeps the module small: it would stand in the kernel four times. */
function addThree(sum: v128, w: usize, x: usize): v128 {
  const low = v128.load(WORDS_00FF);
  const mask = halfMask<W3>(), three = v128.and(v128.load(BYTES_03), low), four = v128.and(v128.load(BYTES_04), low);
  const a = v128.load(w), b = v128.load(w, 16), c = v128.load(w, 32);
  for (let odd = 0; odd < 16; odd += 8) {
    sum = dotThreeWords(sum, i16x8.shr_u(a, odd), i16x8.shr_u(b, odd), i16x8.shr_u(c, odd), x, mask, three, four);
    x += 4;
  }
  return sum;
}

/** The same for 16-bit words. A turn of the inner loop takes one vector of every four rows, so that its activations are read once for all of them. */
@inline export function dotGroupWords<W>(y: usize, head: usize, w: usize, x: usize, meta: usize, n: i32, zero: i32, mask: v128): void {
  let a0 = offsetOf(meta, zero, 0), a1 = a0, a2 = a0, a3 = a0;
  const end = x + <usize>(2 * n);
  do {
    if (bitsOf<W>() == 3) {
      a0 = addThree(a0, w, x), a1 = addThree(a1, w + 48, x);
      a2 = addThree(a2, w + 96, x), a3 = addThree(a3, w + 144, x);
      w += 192, x += 64;
    } else {
      // A lane has up to four fields of the lower byte; at 2 bits those of the upper byte follow, whose columns are the next pairs.
      for (let shift = 0; shift < (bitsOf<W>() == 2 ? 16 : 8); shift += 8) {
        const next = bitsOf<W>() == 2 ? 8 : 4;
        const x0 = v128.load32_splat(x), x1 = v128.load32_splat(x, next);
        const x2 = bitsOf<W>() == 8 ? x0 : v128.load32_splat(x, 2 * next), x3 = bitsOf<W>() == 8 ? x1 : v128.load32_splat(x, 3 * next);
        a0 = addWords<W>(a0, w, shift, mask, x0, x1, x2, x3), a1 = addWords<W>(a1, w + 16, shift, mask, x0, x1, x2, x3);
        a2 = addWords<W>(a2, w + 32, shift, mask, x0, x1, x2, x3), a3 = addWords<W>(a3, w + 48, shift, mask, x0, x1, x2, x3);
        if (bitsOf<W>() == 2) x += 4;
      }
      w += 64, x += bitsOf<W>() == 2 ? 24 : 2 * vectorColumns<W>();
    }
  } while (x < end);
  foldWords(y, a0, a1, a2, a3, head, meta, zero);
}

/** One copy of `foldRows` for all widths: a call costs less than the room of four. */
function foldWords(y: usize, a0: v128, a1: v128, a2: v128, a3: v128, head: usize, meta: usize, zero: i32): void {
  foldRows(y, a0, a1, a2, a3, head, meta, zero);
}

/** sum + the fields of four rows at w, from bit `shift` of every word on, times their activation pairs. */
@inline function addWords<W>(sum: v128, w: usize, shift: i32, mask: v128, x0: v128, x1: v128, x2: v128, x3: v128): v128 {
  return dotWords<W>(sum, bitsOf<W>() == 2 ? i16x8.shr_u(v128.load(w), shift) : v128.load(w), mask, x0, x1, x2, x3);
}
