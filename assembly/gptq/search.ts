// Chooses the grid of one row in one group: its range, or with a clip search the best of 80 ranges that are shrunk by 0 to 79 percent.
//
// The search estimates the errors of all candidates in integers, and those of the few that may win in f32, four candidates at a time, in
// units of each candidate's scale. Two estimates that differ by more than a slack are in the order of the exact errors (docs/kernels.md), so
// only candidates within that slack of the best estimate can win. If there are several, they are compared in f64, in order. So the choice
// is that of a search in f64, the first of equals included.
import {
  EXP_MAGIC, F64_INFINITY, F32_POWER_C0, F32_POWER_C1, F32_POWER_C2, F32_POWER_C3, F32_POWER_FIFTH, F32_POWER_SEED,
} from "../common/constants";
import { leastLane, sumLanes } from "../common/lanes";
import {
  boundsOf, CANDIDATES, ESTIMATES, FACTS, HIGHEST, INVERSES, LIST, LOWEST, SIZES, TABLE, tabulate, ZEROS,
} from "./candidates";
import { bitsOf, clipOf, isSymmetric, topOf } from "./flags";
import { power32, power64 } from "./power";
import { codeOf } from "./scale";
import { APART, apartEnd, BATCH, BLUNT, divideRow, SCREEN, SCREENED, screened } from "./screen";

/** Bytes from one column of a tile to the next. */
export const TILE_STEP: usize = 128;

/** Bytes of scratch that a search leaves to its caller: scale[16], zero[16], and the column loop's losses. */
export const SEARCH: usize = 384;

/** Bytes of a search's memory: the table, and what a screen needs. */
export const ROOM: usize = TABLE + SCREEN;

/**
 * Estimates in f32 that differ by more than a share of this, and of this for each code, are in the order of the exact errors: for what
 * approximations and sums may be wrong, and for the rounding of f32.
 */
const SLACK: f32 = 2.5e-4;
const CODE_SLACK: f32 = 1.6e-5;

/** Errors above 0.11 steps per column are changed by the rounding of f32 by less than 0.2 percent at 8 bits, and 0.013 at fewer. */
const NOISE: f32 = 5.005e-3;
const NOISE_SQUARE: f32 = 0.0121;

/** Below this an estimate may be denormal. */
const SMALLEST: f32 = 1e-30;

/** Bytes of 64 columns, which are summed before they are added to the sum, and after which all candidates may have lost. */
const CHECK: usize = 256;

/**
 * out = scale f64, and zero f64 at out + 128. `x` are the row's weights, `step` bytes apart: f32 if step is 4, else f64. `row` is a copy in
 * f32 up to `end`; h and h32 are the columns' factors for the hessian search. least <= 0 <= most are the row's range.
 */
export function findRow(
  out: usize, table: usize, x: usize, step: usize, row: usize, end: usize, h: usize, h32: usize, least: f64, most: f64, flags: i32,
): void {
  let low = least, high = most;
  if (isSymmetric(flags)) {
    high = max(-low, high);
    low = -high;
  }
  const empty = low == 0 && high == 0;
  if (empty) {
    low = -1;
    high = 1;
  }
  let best = 0;
  if (clipOf(flags) != 0 && !empty) {
    storeFacts(table, row, end, h32, <f32>least, <f32>most, flags);
    const found = estimateAll(table, row, end, h32, low, high, flags);
    best = chosen(table, found, x, step, <i32>((end - row) >> 2), h, flags);
  } else {
    tabulate(table, 0, low, high, flags);
  }
  const grid = table + (<usize>best << 3);
  store<f64>(out, load<f64>(grid));
  store<f64>(out, load<f64>(grid, ZEROS), 128);
}

/** Copies the factors of count columns as f32, for a hessian search of rows in these columns. */
export function prepareFactors(table: usize, to: usize, from: usize, count: i32): void {
  let total: f32 = 0;
  for (let i = 0; i < count; i++) {
    const h = <f32>load<f64>(from + (<usize>i << 3));
    store<f32>(to + (<usize>i << 2), h);
    total += h;
  }
  store<f32>(table, total, FACTS + 24);
}

function storeFacts(table: usize, row: usize, end: usize, h32: usize, least: f32, most: f32, flags: i32): void {
  let forLeast: f32 = 1, forMost: f32 = 1;
  if (clipOf(flags) == 2) {
    forLeast = forMost = 0;
    for (let x = row; x < end; x += 4) {
      const h = load<f32>(h32 + (x - row));
      if (load<f32>(x) == least) forLeast = h;
      if (load<f32>(x) == most) forMost = h;
    }
  } else {
    store<f32>(table, <f32>((end - row) >> 2), FACTS + 24);
  }
  store<f32>(table, least, FACTS);
  store<f32>(table, most, FACTS + 4);
  store<f32>(table, forLeast, FACTS + 8);
  store<f32>(table, forMost, FACTS + 12);
  // A sum of two errors is least if they are halves: 2 |d / 2|^2.4; or less than a half of h d^2 for the smaller h.
  store<f32>(table, clipOf(flags) == 1 ? 0.3789291 : 0.5 * min(forLeast, forMost), FACTS + 16);
  const floor = load<f32>(table, FACTS + 24) * (clipOf(flags) == 1 ? NOISE : NOISE_SQUARE);
  store<f32>(table, max(SMALLEST, floor), FACTS + 20);
}

/** Whether a row is screened: at 8 bits few candidates are tried, and scales must be normal numbers below the largest. */
function canScreen(count: i32, low: f64, high: f64, flags: i32): bool {
  const scale = (high - low) / <f64>topOf(flags);
  return clipOf(flags) == 1 && bitsOf(flags) < 8 && (count & 7) == 0 && count <= SCREENED && scale > 5e-4 && scale < 6e4;
}

/** Fills the table as far as a candidate can still win, and the list. @returns the length of the list. */
function estimateAll(table: usize, row: usize, end: usize, h32: usize, low: f64, high: f64, flags: i32): i32 {
  const screen = table + TABLE;
  const count = <i32>((end - row) >> 2);
  const floor = load<f32>(table, FACTS + 20);
  const slack: f32 = 1 + SLACK + CODE_SLACK * <f32>(topOf(flags) + 1);
  const screens = canScreen(count, low, high, flags);
  // The screen's estimates are the least that an error can be.
  const blunt: f32 = screens ? BLUNT * <f32>count : 0;
  let best: f32 = Infinity, limit = best;
  let tried = 0;
  for (; tried < CANDIDATES; tried += 4) {
    tabulate(table, tried, low, high, flags);
    const at = table + (<usize>tried << 2);
    const sizes = v128.load(at, SIZES);
    const limits = f32x4.splat(limit);
    const most = f32x4.div(limits, sizes);
    let sums = f32x4.splat(0);
    if (screens) {
      if ((tried & (BATCH - 1)) == 0) divideRow(screen, row, end, low, high, tried, flags);
      sums = sumsAt(at, screen + APART, apartEnd(screen), h32, most, flags);
    }
    const lost = !screens || i32x4.all_true(f32x4.gt(sums, most));
    // Ranges only get smaller, so if all four have lost by what is cut off, all later ones have.
    if (lost && i32x4.all_true(f32x4.gt(boundsOf(table, tried, flags), limits))) break;
    if (!screens) sums = sumsAt(at, row, end, h32, most, flags);
    else if (!lost) sums = f32x4.add(sums, screened(screen, count, at));
    best = stored(at, f32x4.mul(sums, sizes), best);
    limit = max(best + blunt, floor) * slack;
  }
  const found = listed(table, tried, limit);
  if (!screens || found == 1) return found;
  let first = load<i32>(table, LIST);
  while (load<f32>(table + (<usize>first << 2), ESTIMATES) > best) first++;
  best = Infinity;
  // Likely the best comes first, so that most others are out by the screen's estimate.
  for (let j = -1; j < found; j++) {
    const i = j < 0 ? first : load<i32>(table + (<usize>j << 2), LIST);
    const at = table + (<usize>i << 2);
    if (j >= 0 && (i == first || load<f32>(at, ESTIMATES) > limit)) continue;
    const inverse = v128.load32_splat(at, INVERSES), lowest = v128.load32_splat(at, LOWEST), highest = v128.load32_splat(at, HIGHEST);
    // In f32 half of this is no number, so no sum stops early.
    const never = v128.load(F64_INFINITY);
    const error = sumLanes(sumsOf(inverse, lowest, highest, row, end, 16, h32, never, flags)) * load<f32>(at, SIZES);
    store<f32>(at, error, ESTIMATES);
    best = min(best, error);
    limit = max(best, floor) * slack;
  }
  return listed(table, tried, limit);
}

/** Stores four estimates. @returns the least of them and of `best`. */
function stored(at: usize, estimates: v128, best: f32): f32 {
  v128.store(at, estimates, ESTIMATES);
  return leastLane(f32x4.pmin(f32x4.splat(best), estimates));
}

/** Lists the candidates whose estimates are not above a limit. @returns the length of the list. */
function listed(table: usize, tried: i32, limit: f32): i32 {
  let found = 0;
  for (let i = 0; i < tried; i++) {
    if (load<f32>(table + (<usize>i << 2), ESTIMATES) > limit) continue;
    store<i32>(table + (<usize>found << 2), i, LIST);
    found++;
  }
  return found;
}

/** Sums of the four candidates at `at`. */
@inline function sumsAt(at: usize, row: usize, end: usize, h: usize, limits: v128, flags: i32): v128 {
  return sumsOf(v128.load(at, INVERSES), v128.load(at, LOWEST), v128.load(at, HIGHEST), row, end, 4, h, limits, flags);
}

/**
 * Sums of |q - x|^2.4 or h (q - x)^2 in steps, for a column and four candidates at a time (`step` 4), or four columns and one candidate (16).
 * Stops when all are above `limits`.
 */
function sumsOf(
  inverse: v128, low: v128, high: v128, row: usize, end: usize, step: usize, h: usize, limits: v128, flags: i32,
): v128 {
  const round = v128.load(EXP_MAGIC), seed = v128.load(F32_POWER_SEED), fifth = v128.load(F32_POWER_FIFTH);
  const c0 = v128.load(F32_POWER_C0), c1 = v128.load(F32_POWER_C1), c2 = v128.load(F32_POWER_C2), c3 = v128.load(F32_POWER_C3);
  const weighted = clipOf(flags) == 2;
  let sums = f32x4.splat(0);
  while (row < end) {
    const stop = min(row + CHECK, end);
    let part = f32x4.splat(0);
    for (; row < stop; row += step) {
      const steps = f32x4.mul(step == 4 ? v128.load32_splat(row) : v128.load(row), inverse);
      // Adding 1.5 * 2^23 rounds to an integer.
      const code = f32x4.sub(f32x4.add(f32x4.pmin(f32x4.pmax(steps, low), high), round), round);
      const d = f32x4.sub(steps, code);
      const square = f32x4.mul(d, d);
      const error = weighted ? f32x4.mul(v128.load32_splat(h), square) : power32(square, seed, fifth, c0, c1, c2, c3);
      part = f32x4.add(part, error);
      h += 4;
    }
    sums = f32x4.add(sums, part);
    if (i32x4.all_true(f32x4.gt(sums, limits))) break;
  }
  return sums;
}

/** The first of the listed candidates with the least error in f64. */
function chosen(table: usize, found: i32, x: usize, step: usize, count: i32, h: usize, flags: i32): i32 {
  if (found == 1) return load<i32>(table, LIST);
  let best = 0, least = Infinity;
  for (let j = 0; j < found; j += 2) {
    const a = load<i32>(table + (<usize>j << 2), LIST), b = load<i32>(table + (<usize>min(j + 1, found - 1) << 2), LIST);
    const errors = exactErrors(pairAt(table, a, b), pairAt(table + ZEROS, a, b), x, step, count, h, flags);
    if (f64x2.extract_lane(errors, 0) < least) {
      least = f64x2.extract_lane(errors, 0);
      best = a;
    }
    if (f64x2.extract_lane(errors, 1) < least) {
      least = f64x2.extract_lane(errors, 1);
      best = b;
    }
  }
  return best;
}

@inline function pairAt(list: usize, a: i32, b: i32): v128 {
  return f64x2.replace_lane(v128.load64_splat(list + (<usize>a << 3)), 1, load<f64>(list + (<usize>b << 3)));
}

/** Sums of |q - x|^2.4 or h (q - x)^2 of two candidates. */
function exactErrors(scales: v128, zeros: v128, x: usize, step: usize, count: i32, h: usize, flags: i32): v128 {
  const top = f64x2.splat(<f64>topOf(flags));
  const weighted = clipOf(flags) == 2;
  let sums = f64x2.splat(0);
  for (let i = 0; i < count; i++) {
    const w = step == 4 ? f64x2.promote_low_f32x4(v128.load32_splat(x)) : v128.load64_splat(x);
    const d = f64x2.sub(f64x2.mul(scales, f64x2.sub(codeOf(w, scales, zeros, top), zeros)), w);
    const error = weighted ? f64x2.mul(v128.load64_splat(h + (<usize>i << 3)), f64x2.mul(d, d)) : power64(d);
    sums = f64x2.add(sums, error);
    x += step;
  }
  return sums;
}
