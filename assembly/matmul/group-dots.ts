// Multiplies one activation group by the codes of a panel: the inner loops of decoding, for bytes (relaxed SIMD) and for 16-bit words.
import { bitsOf, Fours } from "../common/bits";
import { codeStep, dotHalf, dotThree, dotVector, halfStep, pairStep, rowStep } from "./codes";
import { fold, foldRows, lessZeros, scalesOf } from "./fold";

/** Columns that a vector of codes holds. */
@inline function vectorColumns<W>(): usize { return bitsOf<W>() == 8 ? 4 : bitsOf<W>() == 4 ? 8 : 16; }

/**
 * y[16] += contribution of n columns, whose codes are at w. Activations are bytes, or (planes 2) 16 bits: their upper bytes, and their
 * lower bytes `planeStep` further on. One turn of the inner loop takes 32 columns (8 bits: 16).
 */
@inline export function dotGroupBytes<W>(y: usize, head: usize, w: usize, x: usize, meta: usize, n: i32, zero: i32, flip: i32, planes: i32, planeStep: usize, mask: v128, three: v128, four: v128): void {
  const none = i32x4.splat(0);
  const c = vectorColumns<W>();
  let a0 = none, a1 = none, a2 = none, a3 = none;
  for (;;) {
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
        a0 = dotVector<W, Fours>(a0, v128.load(q, 64), mask, x0, x1, x2, x3), a1 = dotVector<W, Fours>(a1, v128.load(q, 80), mask, x0, x1, x2, x3);
        a2 = dotVector<W, Fours>(a2, v128.load(q, 96), mask, x0, x1, x2, x3), a3 = dotVector<W, Fours>(a3, v128.load(q, 112), mask, x0, x1, x2, x3);
        if (bitsOf<W>() != 2) {
          x0 = v128.load32_splat(at, 2 * c);
          if (bitsOf<W>() < 8) x1 = v128.load32_splat(at, 2 * c + 4);
          a0 = dotVector<W, Fours>(a0, v128.load(q, 128), mask, x0, x1, x2, x3), a1 = dotVector<W, Fours>(a1, v128.load(q, 144), mask, x0, x1, x2, x3);
          a2 = dotVector<W, Fours>(a2, v128.load(q, 160), mask, x0, x1, x2, x3), a3 = dotVector<W, Fours>(a3, v128.load(q, 176), mask, x0, x1, x2, x3);
          x0 = v128.load32_splat(at, 3 * c);
          if (bitsOf<W>() < 8) x1 = v128.load32_splat(at, 3 * c + 4);
          a0 = dotVector<W, Fours>(a0, v128.load(q, 192), mask, x0, x1, x2, x3), a1 = dotVector<W, Fours>(a1, v128.load(q, 208), mask, x0, x1, x2, x3);
          a2 = dotVector<W, Fours>(a2, v128.load(q, 224), mask, x0, x1, x2, x3), a3 = dotVector<W, Fours>(a3, v128.load(q, 240), mask, x0, x1, x2, x3);
        }
      }
      q += bitsOf<W>() == 8 ? 256 : 64 * bitsOf<W>();
      at += bitsOf<W>() == 8 ? 16 : 32;
    } while (at < end);
    if (--planes == 0) break;
    a0 = i32x4.shl(a0, 8), a1 = i32x4.shl(a1, 8), a2 = i32x4.shl(a2, 8), a3 = i32x4.shl(a3, 8);
    x += planeStep;
  }
  foldRows(y, a0, a1, a2, a3, head, meta, zero, flip);
}

/** The same for 16-bit words, four rows after the other; a turn of the inner loop takes 32 columns. */
@inline export function dotGroupWords<W>(y: usize, head: usize, w: usize, x: usize, meta: usize, n: i32, zero: i32, mask: v128, three: v128, four: v128): void {
  const pair = pairStep<W>();
  const sum = load<i32>(meta, 4);
  const actScale = v128.load32_splat(meta);
  const offset = i32x4.splat(-max(zero, 0) * sum);
  for (let r: usize = 0; r < 4; r++) {
    let at = x, q = w + r * rowStep<W>();
    const end = x + <usize>(2 * n);
    let a = offset;
    do {
      a = dotHalf<W>(a, q, false, mask, three, four, v128.load32_splat(at), v128.load32_splat(at, pair), v128.load32_splat(at, 2 * pair), v128.load32_splat(at, 3 * pair),
        v128.load32_splat(at, 4 * pair), v128.load32_splat(at, 5 * pair), v128.load32_splat(at, 6 * pair), v128.load32_splat(at, 7 * pair));
      const odd = at + halfStep<W>();
      a = dotHalf<W>(a, q + codeStep<W>(), true, mask, three, four, v128.load32_splat(odd), v128.load32_splat(odd, pair), v128.load32_splat(odd, 2 * pair), v128.load32_splat(odd, 3 * pair),
        v128.load32_splat(odd, 4 * pair), v128.load32_splat(odd, 5 * pair), v128.load32_splat(odd, 6 * pair), v128.load32_splat(odd, 7 * pair));
      q += 64 * bitsOf<W>();
      at += 64;
    } while (at < end);
    if (zero < 0) a = lessZeros(a, head + 32 + (r << 2), sum);
    v128.store(y + (r << 4), fold(v128.load(y + (r << 4)), a, scalesOf(head + (r << 3)), actScale));
  }
}
