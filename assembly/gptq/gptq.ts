// The column loop of GPTQ (Frantar et al. 2022, arXiv:2210.17323, Algorithm 1), all in f64.
//
// Rows are independent, so tiles of 16 rows run the loop, a few of them side by side. Updates are pulled, not pushed: before columns are rounded, they
// receive every earlier error in column order. This is the sum of the unblocked algorithm, and a group's grid sees all updates before
// it. A column of a tile holds the weight until it is rounded, and its error afterwards.
import { factorPanel } from "../hessian/cholesky";
import { isDynamic, topOf } from "./flags";
import { findGrids, groupEnd, groupOf, loadGrids, storeGrids, TILE_ROWS } from "./grid";
import { codeOf } from "./scale";
import { TILE_STEP } from "./search";

/** Columns that are updated together. Also the depth of one pass over earlier errors (16 kB of a tile). */
const BLOCK: i32 = 128;

/** Offset of a tile's running losses in scratch, after scale[16] and zero[16]. */
const LOSS: usize = 256;

/** Tiles of a unit. They go through the loop side by side: a part of the factor that one of them has read is in a cache for the others. */
const TILES: i32 = 4;

/**
 * codes[n,k] u8 and loss[n] f64 for tiles that hold the weights in processing order (grid.ts). R = `factor`, packed as in cholesky.ts.
 * With dynamic groups (flags) the loop also writes scales[n, groups] and zeros[n, groups]; with static groups it reads them.
 * weights[k]: diagonal of H for the hessian clip search. A unit is a few tiles. Scratch: as findGrids needs (grid.ts).
 */
export function gptq_f64(
  first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, loss: usize, tiles: usize,
  factor: usize, columns: usize, weights: usize, n: i32, k: i32, groups: i32, flags: i32,
): void {
  const ends = (n + TILE_ROWS - 1) / TILE_ROWS;
  for (let unit = first; unit < last; unit++) {
    const t0 = unit * TILES, t1 = min(t0 + TILES, ends);
    const losses = loss + (<usize>t0 * TILE_ROWS << 3);
    const rows = min(t1 * TILE_ROWS, n) - t0 * TILE_ROWS;
    memory.fill(losses, 0, <usize>rows << 3);
    for (let from = 0; from < k;) {
      // All columns of a dynamic group are updated together, whatever its size. Static groups need no such border.
      const to = isDynamic(flags) ? groupEnd(columns, from, k) : min(from + BLOCK, k);
      for (let e = 0; e < from; e += BLOCK) {
        const end = min(e + BLOCK, from);
        for (let t = t0; t < t1; t++) pullErrors(tileAt(tiles, t, k), factor, from, to, e, end, rowsOf(t, n));
      }
      for (let t = t0; t < t1; t++) {
        const tile = tileAt(tiles, t, k), row = t * TILE_ROWS, count = rowsOf(t, n);
        if (isDynamic(flags)) {
          findGrids(scratch, tile, weights, from, to, flags);
          storeGrids(scratch, scales, zeros, row, groupOf(columns, from), n, groups);
        }
        const at = loss + (<usize>row << 3), bytes = <usize>count << 3;
        memory.copy(scratch + LOSS, at, bytes);
        roundColumns(scratch, codes, scales, zeros, tile, factor, columns, from, to, row, count, n, k, groups, flags);
        memory.copy(at, scratch + LOSS, bytes);
      }
      from = to;
    }
    for (let at = losses; at < losses + (<usize>rows << 3); at += 8) store<f64>(at, 0.5 * load<f64>(at));
  }
}

@inline function tileAt(tiles: usize, t: i32, k: i32): usize {
  return tiles + <usize>t * <usize>k * TILE_STEP;
}

/** Rows of tile t that the matrix has. */
@inline function rowsOf(t: i32, n: i32): i32 {
  return min(TILE_ROWS, n - t * TILE_ROWS);
}

/** Rounds columns [from, to) of a tile, which already include the errors before `from`. */
function roundColumns(
  scratch: usize, codes: usize, scales: usize, zeros: usize, tile: usize, factor: usize, columns: usize,
  from: i32, to: i32, row: i32, rows: i32, n: i32, k: i32, groups: i32, flags: i32,
): void {
  let group = isDynamic(flags) ? groupOf(columns, from) : -1;
  for (let c = from; c < to;) {
    const next = min((c & ~3) + 4, to);
    pullErrors(tile, factor, c, next, from, c, rows);
    for (const start = c; c < next; c++) {
      if (c > start) pullErrors(tile, factor, c, c + 1, start, c, rows);
      if (groupOf(columns, c) != group) {
        group = groupOf(columns, c);
        loadGrids(scratch, scales, zeros, row, group, n, groups);
      }
      const code = codes + <usize>row * <usize>k + <usize>load<i32>(columns + (<usize>c << 3));
      roundColumn(scratch, code, tile + <usize>c * TILE_STEP, load<f64>(factorAt(factor, c, c)), rows, k, flags);
    }
  }
}

@inline function factorAt(factor: usize, row: i32, col: i32): usize {
  return factor + factorPanel(col >> 2) + (<usize>row << 5) + (<usize>(col & 3) << 3);
}

/** Rounds one column: writes its codes, replaces it by (w - q) / d, and adds the square to the losses. */
@inline function roundColumn(scratch: usize, code: usize, x: usize, diagonal: f64, rows: i32, k: i32, flags: i32): void {
  const d = f64x2.splat(diagonal);
  const top = f64x2.splat(<f64>topOf(flags));
  for (let r = 0; r < rows; r += 2) {
    const at = <usize>r << 3;
    const w = v128.load(x + at), scale = v128.load(scratch + at), zero = v128.load(scratch + at, 128);
    const q = codeOf(w, scale, zero, top);
    const error = f64x2.div(f64x2.sub(w, f64x2.mul(scale, f64x2.sub(q, zero))), d);
    v128.store(x + at, error);
    v128.store(scratch + at, f64x2.add(v128.load(scratch + at, LOSS), f64x2.mul(error, error)), LOSS);
    store<u8>(code, <u8>f64x2.extract_lane(q, 0));
    if (r + 1 < rows) store<u8>(code + <usize>k, <u8>f64x2.extract_lane(q, 1));
    code += <usize>k << 1;
  }
}

/** Columns [from, to) -= errors of columns [e0, e1) times R, one error after the other. */
function pullErrors(tile: usize, factor: usize, from: i32, to: i32, e0: i32, e1: i32, rows: i32): void {
  for (let e = e0; e < e1; e += BLOCK) {
    const count = min(BLOCK, e1 - e);
    const errors = tile + <usize>e * TILE_STEP;
    for (let c = from; c < to;) {
      const x = tile + <usize>c * TILE_STEP;
      const r = factorAt(factor, e, c);
      if ((c & 3) == 0 && c + 4 <= to) {
        for (let at: usize = 0; at < (<usize>rows << 3); at += 32) pullFour(x + at, errors + at, r, count);
        c += 4;
      } else {
        for (let at: usize = 0; at < (<usize>rows << 3); at += 32) pullOne(x + at, errors + at, r, count);
        c++;
      }
    }
  }
}

/** Four rows of four columns. */
function pullFour(x: usize, e: usize, r: usize, count: i32): void {
  let s00 = v128.load(x), s01 = v128.load(x, 16), s10 = v128.load(x, 128), s11 = v128.load(x, 144);
  let s20 = v128.load(x, 256), s21 = v128.load(x, 272), s30 = v128.load(x, 384), s31 = v128.load(x, 400);
  const stop = r + (<usize>count << 5);
  while (r < stop) {
    const e0 = v128.load(e), e1 = v128.load(e, 16);
    let f = v128.load64_splat(r);
    s00 = f64x2.sub(s00, f64x2.mul(e0, f));
    s01 = f64x2.sub(s01, f64x2.mul(e1, f));
    f = v128.load64_splat(r, 8);
    s10 = f64x2.sub(s10, f64x2.mul(e0, f));
    s11 = f64x2.sub(s11, f64x2.mul(e1, f));
    f = v128.load64_splat(r, 16);
    s20 = f64x2.sub(s20, f64x2.mul(e0, f));
    s21 = f64x2.sub(s21, f64x2.mul(e1, f));
    f = v128.load64_splat(r, 24);
    s30 = f64x2.sub(s30, f64x2.mul(e0, f));
    s31 = f64x2.sub(s31, f64x2.mul(e1, f));
    e += TILE_STEP;
    r += 32;
  }
  v128.store(x, s00);
  v128.store(x, s01, 16);
  v128.store(x, s10, 128);
  v128.store(x, s11, 144);
  v128.store(x, s20, 256);
  v128.store(x, s21, 272);
  v128.store(x, s30, 384);
  v128.store(x, s31, 400);
}

/** Four rows of one column. */
function pullOne(x: usize, e: usize, r: usize, count: i32): void {
  let s0 = v128.load(x), s1 = v128.load(x, 16);
  for (let i = 0; i < count; i++) {
    const f = v128.load64_splat(r);
    s0 = f64x2.sub(s0, f64x2.mul(v128.load(e), f));
    s1 = f64x2.sub(s1, f64x2.mul(v128.load(e, 16), f));
    e += TILE_STEP;
    r += 32;
  }
  v128.store(x, s0);
  v128.store(x, s1, 16);
}
