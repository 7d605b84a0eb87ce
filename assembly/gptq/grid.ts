// Grids of the rows of a tile: the scale and zero of a group of weights.
//
// A tile is [K][16] f64, with a lane per row and columns in processing order; rows past the matrix are zero. `columns` has two words
// per column: { column of the matrix, group }.
import { clipOf } from "./flags";
import { findRow, prepareFactors, ROOM, SEARCH, TILE_STEP } from "./search";

/** Rows of a tile. */
export const TILE_ROWS: i32 = 16;

/** tiles[n/16][k][16] = w[n,k] f32 in the order of `columns`, and zero if zeroed[column] is set (`zeroed` 0: none). A unit is a tile. */
export function tile_load_f64(
  first: i32, last: i32, scratch: usize, tiles: usize, w: usize, columns: usize, zeroed: usize, n: i32, k: i32,
): void {
  for (let unit = first; unit < last; unit++) {
    const tile = tiles + <usize>unit * <usize>k * TILE_STEP;
    for (let i = 0; i < k; i++) {
      const column = load<i32>(columns + (<usize>i << 3));
      const dead = zeroed && load<u8>(zeroed + <usize>column);
      for (let r = 0; r < TILE_ROWS; r++) {
        const row = unit * TILE_ROWS + r;
        const value: f64 = row < n && !dead ? <f64>load<f32>(w + ((<usize>row * <usize>k + <usize>column) << 2)) : 0;
        store<f64>(tile + <usize>i * TILE_STEP + (<usize>r << 3), value);
      }
    }
  }
}

/**
 * scales[n, groups] f32 and zeros[n, groups] u8 of whole tiles, one grid for each run of columns in one group.
 * weights[k] f64 is the diagonal of H for the hessian search, in processing order. A unit is a tile. Scratch: as findGrids needs.
 */
export function grid_f64(
  first: i32, last: i32, scratch: usize, scales: usize, zeros: usize, tiles: usize, columns: usize, weights: usize,
  n: i32, k: i32, groups: i32, flags: i32,
): void {
  for (let unit = first; unit < last; unit++) {
    const tile = tiles + <usize>unit * <usize>k * TILE_STEP;
    for (let from = 0; from < k;) {
      const to = groupEnd(columns, from, k);
      findGrids(scratch, tile, weights, from, to, flags);
      storeGrids(scratch, scales, zeros, unit * TILE_ROWS, groupOf(columns, from), n, groups);
      from = to;
    }
  }
}

@inline export function groupOf(columns: usize, i: i32): i32 {
  return load<i32>(columns + (<usize>i << 3), 4);
}

/** First column after `from` that belongs to another group. */
export function groupEnd(columns: usize, from: i32, k: i32): i32 {
  const group = groupOf(columns, from);
  let to = from + 1;
  while (to < k && groupOf(columns, to) == group) to++;
  return to;
}

/** Copies the grids that findGrids left in scratch to the rows' entries of one group. */
export function storeGrids(
  scratch: usize, scales: usize, zeros: usize, row: i32, group: i32, n: i32, groups: i32,
): void {
  for (let r = 0; r < min(TILE_ROWS, n - row); r++) {
    const entry = <usize>(row + r) * <usize>groups + <usize>group;
    store<f32>(scales + (entry << 2), <f32>load<f64>(scratch + (<usize>r << 3)));
    store<u8>(zeros + entry, <u8>load<f64>(scratch + 128 + (<usize>r << 3)));
  }
}

/** scratch = scale[16], zero[16] in f64 of one group; 1 and 0 for rows past the matrix. */
export function loadGrids(
  scratch: usize, scales: usize, zeros: usize, row: i32, group: i32, n: i32, groups: i32,
): void {
  for (let r = 0; r < TILE_ROWS; r++) {
    const entry = <usize>(row + r) * <usize>groups + <usize>group;
    const inside = row + r < n;
    store<f64>(scratch + (<usize>r << 3), inside ? <f64>load<f32>(scales + (entry << 2)) : 1);
    store<f64>(scratch + 128 + (<usize>r << 3), inside ? <f64>load<u8>(zeros + entry) : 0);
  }
}

/**
 * scratch = scale[16], zero[16] in f64 for columns [from, to) of a tile. The rows are copied to scratch in f32, two at a time. Scratch:
 * 29,000 bytes, and 12 for each column of the longest group.
 */
export function findGrids(scratch: usize, tile: usize, weights: usize, from: i32, to: i32, flags: i32): void {
  const count = to - from;
  const bytes = <usize>count << 2;
  const table = scratch + SEARCH;
  const row = table + ROOM;
  const h = weights + (<usize>from << 3);
  const h32 = row + 2 * bytes;
  if (clipOf(flags) == 2) prepareFactors(table, h32, h, count);
  for (let pair: usize = 0; pair < TILE_STEP; pair += 16) {
    const x = tile + <usize>from * TILE_STEP + pair;
    let least = f64x2.splat(0), most = least;
    for (let i = 0; i < count; i++) {
      const both = v128.load(x + <usize>i * TILE_STEP);
      least = f64x2.pmin(least, both);
      most = f64x2.pmax(most, both);
      const copies = f32x4.demote_f64x2_zero(both);
      const to = row + (<usize>i << 2);
      v128.store32_lane(to, copies, 0);
      v128.store32_lane(to + bytes, copies, 1);
    }
    const end = row + bytes, low = f64x2.extract_lane(least, 0), high = f64x2.extract_lane(most, 0);
    findRow(scratch + pair, table, x, TILE_STEP, row, end, h, h32, low, high, flags);
    const low1 = f64x2.extract_lane(least, 1), high1 = f64x2.extract_lane(most, 1);
    findRow(scratch + pair + 8, table, x + 8, TILE_STEP, end, end + bytes, h, h32, low1, high1, flags);
  }
}
