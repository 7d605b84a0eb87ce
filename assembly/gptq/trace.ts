// The output error of a quantised matrix: D H D^T for D = dequantised - W, row by row.
import { gramAt } from "../hessian/gram";
import { groupOf, TILE_ROWS } from "./grid";
import { TILE_STEP } from "./search";

/** Bytes of a column. D of a tile is stored as four times [K][4], so that four rows at a time stream through the caches without gaps. */
const STEP: usize = 32;

/**
 * out[n] f64 = d H d^T for each row d = dequantised - w, with H as in gram.ts; if codes is 0, d is -w. `columns` is as in grid.ts in
 * natural order, w[n,k] f32. `tiles` has room for 128 bytes per unit
 * and column, with k rounded up to a multiple of 4; a unit is a tile of 16 rows.
 */
export function trace_f64(
  first: i32, last: i32, scratch: usize, out: usize, tiles: usize, codes: usize, scales: usize, zeros: usize,
  columns: usize, w: usize, h: usize, n: i32, k: i32, groups: i32,
): void {
  for (let unit = first; unit < last; unit++) {
    const tile = tiles + <usize>unit * columnsIn(k) * TILE_STEP;
    const row = unit * TILE_ROWS;
    for (let r = 0; r < TILE_ROWS; r++) loadResidual(tile, codes, scales, zeros, columns, w, row, r, n, k, groups);
    memory.fill(scratch, 0, 128);
    for (let i = 0; i < k; i += 4) {
      const ld = <usize>((i >> 3) + 1) << 6;
      for (let at: usize = 0; at < 128; at += 32) traceFour(scratch + at, tile + at * columnsIn(k), h + gramAt(i, 0), ld, i);
    }
    for (let r = 0; r < min(TILE_ROWS, n - row); r++) {
      store<f64>(out + (<usize>(row + r) << 3), load<f64>(scratch + (<usize>r << 3)));
    }
  }
}

/** Columns of a tile: padded with zeros, so that rows of H are read in fours. */
@inline function columnsIn(k: i32): usize {
  return <usize>((k + 3) & ~3);
}

function loadResidual(
  tile: usize, codes: usize, scales: usize, zeros: usize, columns: usize, w: usize, row: i32, r: i32,
  n: i32, k: i32, groups: i32,
): void {
  const base = <usize>(row + r) * <usize>k;
  const to = tile + <usize>(r >> 2) * columnsIn(k) * STEP + (<usize>(r & 3) << 3);
  for (let j = 0; j < k; j++) {
    let d: f64 = 0;
    if (row + r < n) {
      if (codes) {
        const entry = <usize>(row + r) * <usize>groups + <usize>groupOf(columns, j);
        const step = <i32>load<u8>(codes + base + <usize>j) - <i32>load<u8>(zeros + entry);
        d = <f64>load<f32>(scales + (entry << 2)) * <f64>step;
      }
      d -= <f64>load<f32>(w + ((base + <usize>j) << 2));
    }
    store<f64>(to + <usize>j * STEP, d);
  }
  for (let j = k; j < <i32>columnsIn(k); j++) store<f64>(to + <usize>j * STEP, 0);
}

/** Adds one row of H to the sums. s0 and s1 are its sums below the diagonal. */
function finishRow(sums: usize, x: usize, h: usize, s0: v128, s1: v128): void {
  const f = v128.load64_splat(h);
  const d0 = v128.load(x), d1 = v128.load(x, 16);
  s0 = f64x2.add(f64x2.add(s0, s0), f64x2.mul(d0, f));
  s1 = f64x2.add(f64x2.add(s1, s1), f64x2.mul(d1, f));
  v128.store(sums, f64x2.add(v128.load(sums), f64x2.mul(d0, s0)));
  v128.store(sums, f64x2.add(v128.load(sums, 16), f64x2.mul(d1, s1)), 16);
}

/** Four rows of d, and rows i to i + 3 of H, `ld` bytes apart: sums += d_i (H_ii d_i + 2 sum over j < i of H_ij d_j) for each i. */
function traceFour(sums: usize, x: usize, h: usize, ld: usize, i: i32): void {
  let h1 = h + ld, h2 = h1 + ld, h3 = h2 + ld;
  let s00 = f64x2.splat(0), s01 = s00, s10 = s00, s11 = s00, s20 = s00, s21 = s00, s30 = s00, s31 = s00;
  const stop = h + (<usize>i << 3);
  while (h < stop) {
    const d0 = v128.load(x), d1 = v128.load(x, 16);
    let f = v128.load64_splat(h);
    s00 = f64x2.add(s00, f64x2.mul(d0, f));
    s01 = f64x2.add(s01, f64x2.mul(d1, f));
    f = v128.load64_splat(h1);
    s10 = f64x2.add(s10, f64x2.mul(d0, f));
    s11 = f64x2.add(s11, f64x2.mul(d1, f));
    f = v128.load64_splat(h2);
    s20 = f64x2.add(s20, f64x2.mul(d0, f));
    s21 = f64x2.add(s21, f64x2.mul(d1, f));
    f = v128.load64_splat(h3);
    s30 = f64x2.add(s30, f64x2.mul(d0, f));
    s31 = f64x2.add(s31, f64x2.mul(d1, f));
    x += STEP;
    h += 8;
    h1 += 8;
    h2 += 8;
    h3 += 8;
  }
  finishRow(sums, x, h, s00, s01);
  finishRow(sums, x + STEP, h1 + 8, joined(s10, x, h1), joined(s11, x + 16, h1));
  s20 = joined(joined(s20, x, h2), x + STEP, h2 + 8);
  s21 = joined(joined(s21, x + 16, h2), x + STEP + 16, h2 + 8);
  finishRow(sums, x + 2 * STEP, h2 + 16, s20, s21);
  s30 = joined(joined(joined(s30, x, h3), x + STEP, h3 + 8), x + 2 * STEP, h3 + 16);
  s31 = joined(joined(joined(s31, x + 16, h3), x + STEP + 16, h3 + 8), x + 2 * STEP + 16, h3 + 16);
  finishRow(sums, x + 3 * STEP, h3 + 24, s30, s31);
}

/** One more term of a row's sum. */
@inline function joined(sum: v128, x: usize, h: usize): v128 {
  return f64x2.add(sum, f64x2.mul(v128.load(x), v128.load64_splat(h)));
}
