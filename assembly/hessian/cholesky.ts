// Computes GPTQ's factor: R upper with R^T R = H^-1. H = U U^T is factored from the bottom right (Cholesky of the reversed matrix), and
// R = U^-1. This is the same factor as chol(inv(H), upper), for half the work and without an inverse.
//
// Here n is a multiple of 4: the caller pads the order with -1, which gives rows of the identity. U is row-major with a stride of ld
// elements; only its upper triangle is used. R is packed in panels of 4 columns: panel p starts at element 8 p (p + 1) and holds rows 0
// to 4 p + 3 as [row][4].
import { gramAt } from "./gram";

/** Columns factored in one step. The caller goes from the right: [n - 64, n), [n - 128, n - 64), ..., [0, rest). */
export const CHOLESKY_BLOCK: i32 = 64;

/** Columns summed before a dot product is folded, so that rows of both operands stay in the L1 cache. */
const DEPTH: i32 = 128;

/** Bytes from the start of R to its panel p. */
@inline export function factorPanel(p: i32): usize {
  return (<usize>p * <usize>(p + 1)) << 6;
}

@inline function at(u: usize, ld: i32, row: i32, col: i32): usize {
  return u + ((<usize>row * <usize>ld + <usize>col) << 3);
}

/**
 * u[i][j], j >= i, is the damped Hessian in processing order: scalars[0] * H[order[i]][order[j]], plus scalars[1] on the diagonal,
 * where a zero (a dead column) counts as 1. A unit is a row.
 */
export function cholesky_load_f64(
  first: i32, last: i32, scratch: usize, u: usize, h: usize, order: usize, scalars: usize, n: i32, ld: i32,
): void {
  const scale = load<f64>(scalars);
  const damp = load<f64>(scalars, 8);
  for (let i = first; i < last; i++) {
    const row = load<i32>(order + (<usize>i << 2));
    let to = at(u, ld, i, i);
    let diagonal: f64 = 1;
    if (row >= 0) {
      const value = load<f64>(h + gramAt(row, row)) * scale;
      diagonal = (value == 0 ? 1 : value) + damp;
    }
    store<f64>(to, diagonal);
    for (let j = i + 1; j < n; j++) {
      to += 8;
      const col = load<i32>(order + (<usize>j << 2));
      let value: f64 = 0;
      if (row >= 0 && col >= 0) value = load<f64>(h + (row >= col ? gramAt(row, col) : gramAt(col, row))) * scale;
      store<f64>(to, value);
    }
  }
}

/** u[i][J] -= u[i][end:n] . u[J][end:n]^T for the columns J = [start, end) of a step and rows i < end. A unit is 16 rows. */
export function cholesky_update_f64(
  first: i32, last: i32, scratch: usize, u: usize, n: i32, ld: i32, start: i32, end: i32,
): void {
  for (let unit = first; unit < last; unit++) {
    const i1 = min((unit + 1) << 4, end);
    for (let k = end; k < n; k += DEPTH) {
      const length = min(DEPTH, n - k);
      for (let j = start; j < end; j += 4) {
        for (let i = unit << 4; i < i1; i += 2) dots(u, ld, i, j, k, length);
      }
    }
  }
}

/** u[i..i+1][j..j+3] -= dot products of rows i.. and j.. over columns [k, k + length), with separate sums of even and odd columns. */
function dots(u: usize, ld: i32, i: i32, j: i32, k: i32, length: i32): void {
  const step = <usize>ld << 3;
  let a0 = at(u, ld, i, k), a1 = a0 + step;
  let b0 = at(u, ld, j, k), b1 = b0 + step, b2 = b1 + step, b3 = b2 + step;
  let s00 = f64x2.splat(0), s01 = s00, s02 = s00, s03 = s00, s10 = s00, s11 = s00, s12 = s00, s13 = s00;
  const stop = a0 + (<usize>length << 3);
  while (a0 < stop) {
    const x0 = v128.load(a0), x1 = v128.load(a1);
    let y = v128.load(b0);
    s00 = f64x2.add(s00, f64x2.mul(x0, y));
    s10 = f64x2.add(s10, f64x2.mul(x1, y));
    y = v128.load(b1);
    s01 = f64x2.add(s01, f64x2.mul(x0, y));
    s11 = f64x2.add(s11, f64x2.mul(x1, y));
    y = v128.load(b2);
    s02 = f64x2.add(s02, f64x2.mul(x0, y));
    s12 = f64x2.add(s12, f64x2.mul(x1, y));
    y = v128.load(b3);
    s03 = f64x2.add(s03, f64x2.mul(x0, y));
    s13 = f64x2.add(s13, f64x2.mul(x1, y));
    a0 += 16;
    a1 += 16;
    b0 += 16;
    b1 += 16;
    b2 += 16;
    b3 += 16;
  }
  const to = at(u, ld, i, j);
  subtractSums(to, s00, s01);
  subtractSums(to + 16, s02, s03);
  subtractSums(to + step, s10, s11);
  subtractSums(to + step + 16, s12, s13);
}

/** Subtracts the sums over the lanes of s0 and s1 from two elements. */
@inline function subtractSums(to: usize, s0: v128, s1: v128): void {
  const sums = f64x2.add(v128.shuffle<f64>(s0, s1, 0, 2), v128.shuffle<f64>(s0, s1, 1, 3));
  v128.store(to, f64x2.sub(v128.load(to), sums));
}

/**
 * Factors the diagonal block [start, end) in place. status[0] is the lowest pivot so far. It stops at the first pivot that is not
 * positive (or NaN); such a pivot counts as 1, and the caller checks status. One unit.
 */
export function cholesky_block_f64(
  first: i32, last: i32, scratch: usize, u: usize, status: usize, ld: i32, start: i32, end: i32,
): void {
  for (let j = end - 1; j >= start; j--) {
    const row = at(u, ld, j, 0);
    let pivot = load<f64>(row + (<usize>j << 3));
    for (let k = end - 1; k > j; k--) pivot -= load<f64>(row + (<usize>k << 3)) * load<f64>(row + (<usize>k << 3));
    if (load<f64>(status) > 0 && !(pivot >= load<f64>(status))) store<f64>(status, pivot);
    const root = pivot > 0 ? sqrt(pivot) : 1;
    store<f64>(row + (<usize>j << 3), root);
    for (let i = start; i < j; i++) {
      const other = at(u, ld, i, 0);
      let sum = load<f64>(other + (<usize>j << 3));
      for (let k = end - 1; k > j; k--) sum -= load<f64>(other + (<usize>k << 3)) * load<f64>(row + (<usize>k << 3));
      store<f64>(other + (<usize>j << 3), sum / root);
    }
  }
}

/** u[i][J] = u[i][J] U_JJ^-T for the rows above a factored block J = [start, end). A unit is 16 rows. */
export function cholesky_solve_f64(
  first: i32, last: i32, scratch: usize, u: usize, ld: i32, start: i32, end: i32,
): void {
  for (let unit = first; unit < last; unit++) {
    const i0 = unit << 4;
    const i1 = min(i0 + 16, start);
    for (let j = end - 4; j >= start; j -= 4) {
      for (let i = i0; i < i1; i += 2) {
        if (j + 4 < end) dots(u, ld, i, j, j + 4, end - j - 4);
        solveFour(at(u, ld, i, j), u, ld, j);
        solveFour(at(u, ld, i + 1, j), u, ld, j);
      }
    }
  }
}

/** Four elements x with x . U^T = c for the 4 x 4 diagonal tile at j. */
function solveFour(x: usize, u: usize, ld: i32, j: i32): void {
  const step = <usize>ld << 3;
  const r0 = at(u, ld, j, j), r1 = r0 + step, r2 = r1 + step, r3 = r2 + step;
  const x3 = load<f64>(x, 24) / load<f64>(r3, 24);
  const x2 = (load<f64>(x, 16) - x3 * load<f64>(r2, 24)) / load<f64>(r2, 16);
  const x1 = (load<f64>(x, 8) - x3 * load<f64>(r1, 24) - x2 * load<f64>(r1, 16)) / load<f64>(r1, 8);
  const x0 = (load<f64>(x) - x3 * load<f64>(r0, 24) - x2 * load<f64>(r0, 16) - x1 * load<f64>(r0, 8)) / load<f64>(r0);
  store<f64>(x, x0);
  store<f64>(x, x1, 8);
  store<f64>(x, x2, 16);
  store<f64>(x, x3, 24);
}

/** Panels of R that share one pass over U. */
const GROUP: i32 = 8;

/** r = U^-1 in packed panels. A unit is two groups of 8 panels, number u and number last - u, so that units have equal work. */
export function cholesky_invert_f64(
  first: i32, last: i32, scratch: usize, r: usize, u: usize, n: i32, ld: i32,
): void {
  const groups = ((n >> 2) + GROUP - 1) / GROUP;
  for (let unit = first; unit < last; unit++) {
    const other = groups - 1 - unit;
    invertGroup(unit, r, u, n, ld);
    if (other != unit) invertGroup(other, r, u, n, ld);
  }
}

function invertGroup(group: i32, r: usize, u: usize, n: i32, ld: i32): void {
  const p0 = group * GROUP;
  const p1 = min(p0 + GROUP, n >> 2);
  for (let tile = p1 - 1; tile >= 0; tile--) {
    for (let p = max(tile, p0); p < p1; p++) invertTile(r + factorPanel(p), u, ld, tile << 2, p << 2);
  }
}

/** Rows [j, j + 4) of the panel at columns [c, c + 4): back substitution, after the rows below. */
function invertTile(panel: usize, u: usize, ld: i32, j: i32, c: i32): void {
  const step = <usize>ld << 3;
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  let a0 = at(u, ld, j, j + 4), a1 = a0 + step, a2 = a1 + step, a3 = a2 + step;
  let b = panel + (<usize>(j + 4) << 5);
  const stop = panel + (<usize>(c + 4) << 5);
  while (b < stop) {
    const b0 = v128.load(b), b1 = v128.load(b, 16);
    let x = v128.load64_splat(a0);
    s00 = f64x2.sub(s00, f64x2.mul(x, b0));
    s01 = f64x2.sub(s01, f64x2.mul(x, b1));
    x = v128.load64_splat(a1);
    s10 = f64x2.sub(s10, f64x2.mul(x, b0));
    s11 = f64x2.sub(s11, f64x2.mul(x, b1));
    x = v128.load64_splat(a2);
    s20 = f64x2.sub(s20, f64x2.mul(x, b0));
    s21 = f64x2.sub(s21, f64x2.mul(x, b1));
    x = v128.load64_splat(a3);
    s30 = f64x2.sub(s30, f64x2.mul(x, b0));
    s31 = f64x2.sub(s31, f64x2.mul(x, b1));
    a0 += 8;
    a1 += 8;
    a2 += 8;
    a3 += 8;
    b += 32;
  }
  if (j == c) {
    s00 = f64x2.replace_lane(s00, 0, 1);
    s10 = f64x2.replace_lane(s10, 1, 1);
    s21 = f64x2.replace_lane(s21, 0, 1);
    s31 = f64x2.replace_lane(s31, 1, 1);
  }
  const to = panel + (<usize>j << 5);
  v128.store(to, s00);
  v128.store(to, s01, 16);
  v128.store(to, s10, 32);
  v128.store(to, s11, 48);
  v128.store(to, s20, 64);
  v128.store(to, s21, 80);
  v128.store(to, s30, 96);
  v128.store(to, s31, 112);
  for (let row = 3; row >= 0; row--) {
    const factors = at(u, ld, j + row, j);
    const x = to + (<usize>row << 5);
    s00 = v128.load(x);
    s01 = v128.load(x, 16);
    for (let below = 3; below > row; below--) {
      const d = v128.load64_splat(factors + (<usize>below << 3));
      s00 = f64x2.sub(s00, f64x2.mul(d, v128.load(to + (<usize>below << 5))));
      s01 = f64x2.sub(s01, f64x2.mul(d, v128.load(to + (<usize>below << 5), 16)));
    }
    const d = v128.load64_splat(factors + (<usize>row << 3));
    v128.store(x, f64x2.div(s00, d));
    v128.store(x, f64x2.div(s01, d), 16);
  }
}
