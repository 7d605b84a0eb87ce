// Grids: the scale and zero of a group of weights, found on tiles of 16 rows.
//
// A tile is [K][16] f64, with a lane per row and columns in processing order; rows past the matrix are zero. `columns` has two words
// per column: { column of the matrix, group }. `flags` (twin: src/quant/grid.ts): bits 0-3 are the width, bit 4 is symmetric, bits 5-6
// are the clip search (0 none, 1 mse, 2 hessian), bit 7 keeps scales in f32 (not f16), bit 8 marks dynamic groups.
import { F64_0_088, F64_0_12, F64_0_2, F64_INFINITY, F64_ONE, F64_ROOT_SEED, F64_TINY } from "../common/constants";

/** Rows of a tile, and bytes from one of its columns to the next. */
export const TILE_ROWS: i32 = 16;
export const TILE_STEP: usize = 128;

/** Candidates of a clip search: ranges shrunk by 0, 1, ..., 79 percent. */
const CANDIDATES: i32 = 80;

@inline export function bitsOf(flags: i32): i32 { return flags & 15; }
@inline export function isSymmetric(flags: i32): bool { return (flags & 16) != 0; }
@inline export function clipOf(flags: i32): i32 { return (flags >> 5) & 3; }
@inline export function isDynamic(flags: i32): bool { return (flags & 256) != 0; }

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
 * weights[k] f64 is the diagonal of H for the hessian search, in processing order. A unit is a tile. Scratch: 256 bytes.
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

/** codes[n,k] u8 = clamp(nearest(w / scale) + zero) of whole tiles. A unit is a tile. Scratch: 256 bytes. */
export function round_f64(
  first: i32, last: i32, scratch: usize, codes: usize, tiles: usize, scales: usize, zeros: usize, columns: usize,
  n: i32, k: i32, groups: i32, flags: i32,
): void {
  const top = f64x2.splat(<f64>((1 << bitsOf(flags)) - 1));
  for (let unit = first; unit < last; unit++) {
    let x = tiles + <usize>unit * <usize>k * TILE_STEP;
    const rows = min(TILE_ROWS, n - unit * TILE_ROWS);
    let group = -1;
    for (let i = 0; i < k; i++) {
      if (groupOf(columns, i) != group) {
        group = groupOf(columns, i);
        loadGrids(scratch, scales, zeros, unit * TILE_ROWS, group, n, groups);
      }
      let code = codes + <usize>(unit * TILE_ROWS) * <usize>k + <usize>load<i32>(columns + (<usize>i << 3));
      for (let r = 0; r < rows; r += 2) {
        const at = <usize>r << 3;
        const q = codeOf(v128.load(x + at), v128.load(scratch + at), v128.load(scratch + 128 + at), top);
        store<u8>(code, <u8>f64x2.extract_lane(q, 0));
        if (r + 1 < rows) store<u8>(code + <usize>k, <u8>f64x2.extract_lane(q, 1));
        code += <usize>k << 1;
      }
      x += TILE_STEP;
    }
  }
}

/** Codes of two rows as f64. */
@inline export function codeOf(x: v128, scale: v128, zero: v128, top: v128): v128 {
  const q = f64x2.add(f64x2.nearest(f64x2.div(x, scale)), zero);
  return f64x2.pmin(f64x2.pmax(q, f64x2.splat(0)), top);
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

/** scratch = scale[16], zero[16] in f64 for columns [from, to) of a tile. */
export function findGrids(scratch: usize, tile: usize, weights: usize, from: i32, to: i32, flags: i32): void {
  const start = tile + <usize>from * TILE_STEP;
  const end = tile + <usize>to * TILE_STEP;
  for (let pair: usize = 0; pair < TILE_STEP; pair += 16) {
    findPair(scratch + pair, start + pair, end + pair, weights + (<usize>from << 3), flags);
  }
}

/** The grids of two rows: scales at `out`, zeros at `out` + 128. */
function findPair(out: usize, start: usize, end: usize, weights: usize, flags: i32): void {
  let low = f64x2.splat(0), high = low;
  for (let x = start; x < end; x += TILE_STEP) {
    low = f64x2.min(low, v128.load(x));
    high = f64x2.max(high, v128.load(x));
  }
  if (isSymmetric(flags)) {
    high = f64x2.max(f64x2.neg(low), high);
    low = f64x2.neg(high);
  }
  const one = v128.load(F64_ONE);
  const empty = v128.and(f64x2.eq(low, f64x2.splat(0)), f64x2.eq(high, f64x2.splat(0)));
  low = v128.bitselect(f64x2.neg(one), low, empty);
  high = v128.bitselect(one, high, empty);
  const top = f64x2.splat(<f64>((1 << bitsOf(flags)) - 1));
  let scale = scaleOf(low, high, top, flags);
  let zero = zeroOf(low, scale, top, flags);
  if (clipOf(flags) != 0) {
    let best = v128.load(F64_INFINITY), bestScale = scale, bestZero = zero;
    for (let i = 0; i < CANDIDATES; i++) {
      const shrink = f64x2.splat(1.0 - <f64>i / 100.0);
      const shrunk = f64x2.mul(low, shrink);
      scale = scaleOf(shrunk, f64x2.mul(high, shrink), top, flags);
      zero = zeroOf(shrunk, scale, top, flags);
      const error = clipOf(flags) == 1
        ? powerError(start, end, scale, zero, top, best)
        : weightedError(start, end, weights, scale, zero, top, best);
      const better = f64x2.lt(error, best);
      best = v128.bitselect(error, best, better);
      bestScale = v128.bitselect(scale, bestScale, better);
      bestZero = v128.bitselect(zero, bestZero, better);
    }
    scale = bestScale;
    zero = bestZero;
  }
  v128.store(out, scale);
  v128.store(out, zero, 128);
}

@inline function scaleOf(low: v128, high: v128, top: v128, flags: i32): v128 {
  const exact = f64x2.div(f64x2.sub(high, low), top);
  const a = roundScale(f64x2.extract_lane(exact, 0), flags);
  return f64x2.replace_lane(f64x2.splat(a), 1, roundScale(f64x2.extract_lane(exact, 1), flags));
}

@inline function zeroOf(low: v128, scale: v128, top: v128, flags: i32): v128 {
  if (isSymmetric(flags)) return f64x2.splat(<f64>(1 << (bitsOf(flags) - 1)));
  const zero = f64x2.nearest(f64x2.div(f64x2.neg(low), scale));
  return f64x2.min(f64x2.max(zero, f64x2.splat(0)), top);
}

/** A scale as it will be stored, in f16 or f32: ties to even, never zero and never infinite. */
function roundScale(x: f64, flags: i32): f64 {
  if (flags & 128) return max(min(<f64><f32>x, <f64>f32.MAX_VALUE), <f64>f32.MIN_VALUE);
  if (x < 6.103515625e-5) return max(nearest(x * 16777216.0), 1.0) / 16777216.0;
  const bits = reinterpret<i64>(x);
  const kept = (bits + 0x1ffffffffff + ((bits >> 42) & 1)) & ~0x3ffffffffff;
  return min(reinterpret<f64>(kept), 65504.0);
}

/** Columns between two checks whether a candidate has already lost. */
const CHECK: usize = 16 * TILE_STEP;

/** Sum of |q - x|^2.4; stops once both rows have reached `best`. */
function powerError(start: usize, end: usize, scale: v128, zero: v128, top: v128, best: v128): v128 {
  const one = v128.load(F64_ONE), fifth = v128.load(F64_0_2), second = v128.load(F64_0_12), third = v128.load(F64_0_088);
  const seed = v128.load(F64_ROOT_SEED), tiny = v128.load(F64_TINY), none = f64x2.splat(0);
  let sum = none;
  for (let x = start; x < end;) {
    const stop = min(x + CHECK, end);
    for (; x < stop; x += TILE_STEP) {
      const w = v128.load(x);
      const d = f64x2.sub(f64x2.mul(scale, f64x2.sub(codeOf(w, scale, zero, top), zero)), w);
      // |d|^2.4 = a^2 y^4 with a = d^2 and y = a^(-1/5), from a seed by the exponent and two fourth-order steps.
      const a = f64x2.pmax(f64x2.mul(d, d), tiny);
      const highs = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(a, none, 1, 3, 4, 4));
      let y = v128.shuffle<i32>(f64x2.sub(seed, f64x2.mul(highs, fifth)), none, 4, 0, 4, 2);
      for (let step = 0; step < 2; step++) {
        const y2 = f64x2.mul(y, y);
        const e = f64x2.sub(one, f64x2.mul(a, f64x2.mul(f64x2.mul(y2, y2), y)));
        const series = f64x2.add(fifth, f64x2.mul(e, f64x2.add(second, f64x2.mul(e, third))));
        y = f64x2.add(y, f64x2.mul(f64x2.mul(y, e), series));
      }
      const y2 = f64x2.mul(y, y);
      sum = f64x2.add(sum, f64x2.mul(f64x2.mul(a, a), f64x2.mul(y2, y2)));
    }
    if (!v128.any_true(f64x2.lt(sum, best))) break;
  }
  return sum;
}

/** Sum of weight (q - x)^2; stops once both rows have reached `best`. */
function weightedError(
  start: usize, end: usize, weights: usize, scale: v128, zero: v128, top: v128, best: v128,
): v128 {
  let sum = f64x2.splat(0);
  for (let x = start; x < end;) {
    const stop = min(x + CHECK, end);
    for (; x < stop; x += TILE_STEP) {
      const w = v128.load(x);
      const d = f64x2.sub(f64x2.mul(scale, f64x2.sub(codeOf(w, scale, zero, top), zero)), w);
      sum = f64x2.add(sum, f64x2.mul(v128.load64_splat(weights), f64x2.mul(d, d)));
      weights += 8;
    }
    if (!v128.any_true(f64x2.lt(sum, best))) break;
  }
  return sum;
}
