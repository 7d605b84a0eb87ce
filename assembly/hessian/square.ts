// The inverse of a Hessian from its factor: R^T R, for fits by least squares.
import { factorPanel } from "./cholesky";

/**
 * out[n][n] f32 = R^T R for R in packed panels of 4 columns (cholesky.ts), n a multiple of 4. Sums are f64, each from the first row on.
 * A unit is two panels, u and the last but u. Panels of 4 rows of `out` are written from the left to the diagonal, and mirrored.
 */
export function square_f64(first: i32, last: i32, scratch: usize, out: usize, r: usize, n: i32): void {
  const panels = n >> 2;
  for (let unit = first; unit < last; unit++) {
    const other = panels - 1 - unit;
    for (let p = unit; ; p = other) {
      for (let q = 0; q <= p; q++) squareTile(out, r + factorPanel(p), r + factorPanel(q), p, q, <usize>n << 2);
      if (p == other) break;
    }
  }
}

/** The products of 4 columns, at a, with the 4 of panel q, at b: rows below panel q's diagonal add nothing. */
function squareTile(out: usize, a: usize, b: usize, p: i32, q: i32, ld: usize): void {
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  const stop = b + (<usize>(q + 1) << 7);
  while (b < stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load64_splat(a);
    s00 = f64x2.add(s00, f64x2.mul(x, b0)), s01 = f64x2.add(s01, f64x2.mul(x, b1)), x = v128.load64_splat(a, 8);
    s10 = f64x2.add(s10, f64x2.mul(x, b0)), s11 = f64x2.add(s11, f64x2.mul(x, b1)), x = v128.load64_splat(a, 16);
    s20 = f64x2.add(s20, f64x2.mul(x, b0)), s21 = f64x2.add(s21, f64x2.mul(x, b1)), x = v128.load64_splat(a, 24);
    s30 = f64x2.add(s30, f64x2.mul(x, b0)), s31 = f64x2.add(s31, f64x2.mul(x, b1));
    a += 32, b += 32;
  }
  const r0 = four(s00, s01), r1 = four(s10, s11), r2 = four(s20, s21), r3 = four(s30, s31);
  storeRows(out + (<usize>p << 2) * ld + (<usize>q << 4), ld, r0, r1, r2, r3);
  const a0 = v128.shuffle<i32>(r0, r1, 0, 4, 1, 5), a1 = v128.shuffle<i32>(r0, r1, 2, 6, 3, 7);
  const a2 = v128.shuffle<i32>(r2, r3, 0, 4, 1, 5), a3 = v128.shuffle<i32>(r2, r3, 2, 6, 3, 7);
  storeRows(
    out + (<usize>q << 2) * ld + (<usize>p << 4), ld,
    v128.shuffle<i64>(a0, a2, 0, 2), v128.shuffle<i64>(a0, a2, 1, 3), v128.shuffle<i64>(a1, a3, 0, 2), v128.shuffle<i64>(a1, a3, 1, 3),
  );
}

@inline function four(low: v128, high: v128): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(low), f32x4.demote_f64x2_zero(high), 0, 2);
}

@inline function storeRows(to: usize, ld: usize, r0: v128, r1: v128, r2: v128, r3: v128): void {
  v128.store(to, r0), v128.store(to + ld, r1), v128.store(to + 2 * ld, r2), v128.store(to + 3 * ld, r3);
}
