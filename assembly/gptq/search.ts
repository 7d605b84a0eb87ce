// Chooses the grid of one row in one group: its range, or with a clip search the best of 80 ranges that are shrunk by 0 to 79 percent.
//
// The search estimates the errors of all candidates in f32, four candidates at a time, in units of each candidate's scale. Two estimates
// that differ by more than a slack are in the order of the exact errors (docs/kernels.md), so only candidates within that slack of the
// best estimate can win. If there are several, they are compared in f64, in order. So the choice is that of a search in f64, the first of
// equals included.
import { EXP_MAGIC, F32_POWER_C0, F32_POWER_C1, F32_POWER_C2, F32_POWER_FIFTH, F32_POWER_SEED } from "../common/constants";
import { leastLane } from "../common/lanes";
import { bitsOf, clipOf, isSymmetric, topOf } from "./flags";
import { closePower32, power32, power64 } from "./power";
import { codeOf, scaleOf, zeroOf } from "./scale";

/** Bytes from one column of a tile to the next. */
export const TILE_STEP: usize = 128;

/** Bytes of scratch that a search leaves to its caller: scale[16], zero[16], and the column loop's losses. */
export const SEARCH: usize = 384;

/** Candidates of a clip search. */
const CANDIDATES: i32 = 80;

/** Estimates that differ by more than this factor are in the order of the exact errors: for 8 bits, and for fewer. */
const SLACK_8: f32 = 1.0078125;
const SLACK: f32 = 1.001953125;

/** Errors above this times the number of codes, in steps per column, are changed by the rounding of f32 by less than 0.2 (0.02) percent. */
const NOISE_8: f32 = 4.3e-4;
const NOISE: f32 = 4.3e-3;

/** Below this an estimate may be denormal. */
const SMALLEST: f32 = 1e-30;

/** Bytes of 64 columns, which are summed before they are added to the sum, and after which all candidates may have lost. */
const CHECK: usize = 256;

// The table of candidates: scales and zeros in f64, then in f32 scales, inverse scales, lowest and highest code minus zero, the error of one
// step relative to the first candidate's, and estimates. The list of candidates that may win follows, then facts about the row: its least and
// most weight (or 0), the factors of their errors and of one that both have together, and the estimate up to which f32's rounding may matter.
const ZEROS: usize = 640;
const NARROW: usize = 1280;
const INVERSES: usize = 1600;
const LOWEST: usize = 1920;
const HIGHEST: usize = 2240;
const SIZES: usize = 2560;
const ESTIMATES: usize = 2880;
const LIST: usize = 3200;
const FACTS: usize = 3520;

/** Bytes of a search's table. */
export const TABLE: usize = 3552;

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
  let shrink: f64 = 1;
  if (clipOf(flags) != 0 && !empty) {
    storeFacts(table, row, end, h32, <f32>least, <f32>most, flags);
    const found = estimateAll(table, row, end, h32, low, high, flags);
    shrink = shrinkOf(chosen(table, found, x, step, <i32>((end - row) >> 2), h, flags));
  }
  const scale = scaleOf(low * shrink, high * shrink, flags);
  store<f64>(out, scale);
  store<f64>(out, zeroOf(low * shrink, scale, flags), 128);
}

/** The share of the range that a candidate keeps. */
@inline function shrinkOf(i: i32): f64 {
  return 1.0 - <f64>i / 100.0;
}

function storeFacts(table: usize, row: usize, end: usize, h32: usize, least: f32, most: f32, flags: i32): void {
  const noise = (bitsOf(flags) == 8 ? NOISE_8 : NOISE) * <f32>(1 << bitsOf(flags));
  let forLeast: f32 = 1, forMost: f32 = 1, total = <f32>((end - row) >> 2);
  if (clipOf(flags) == 2) {
    forLeast = 0;
    forMost = 0;
    total = 0;
    for (let x = row; x < end; x += 4) {
      const h = load<f32>(h32 + (x - row));
      total += h;
      if (load<f32>(x) == least) forLeast = h;
      if (load<f32>(x) == most) forMost = h;
    }
  }
  store<f32>(table, least, FACTS);
  store<f32>(table, most, FACTS + 4);
  store<f32>(table, forLeast, FACTS + 8);
  store<f32>(table, forMost, FACTS + 12);
  // A sum of two errors is least if they are halves: 2 |d / 2|^2.4; or less than a half of h d^2 for the smaller h.
  store<f32>(table, clipOf(flags) == 1 ? 0.3789291 : 0.5 * min(forLeast, forMost), FACTS + 16);
  const floor = total * f32x4.extract_lane(measure(f32x4.splat(noise), flags), 0);
  store<f32>(table, max(SMALLEST, floor), FACTS + 20);
}

/** Fills the table as far as a candidate can still win, and the list. @returns the length of the list. */
function estimateAll(table: usize, row: usize, end: usize, h32: usize, low: f64, high: f64, flags: i32): i32 {
  const floor = load<f32>(table, FACTS + 20);
  const slack = bitsOf(flags) == 8 ? SLACK_8 : SLACK;
  let best: f32 = Infinity, limit = best;
  let tried = 0;
  for (; tried < CANDIDATES; tried += 4) {
    tabulate(table, tried, low, high, flags);
    // Ranges only get smaller, so if all four have lost by what is cut off, all later ones have.
    const limits = f32x4.splat(limit);
    if (i32x4.all_true(f32x4.gt(boundsOf(table, tried, flags), limits))) break;
    const at = table + (<usize>tried << 2);
    const sizes = v128.load(at, SIZES);
    const estimates = f32x4.mul(sumsOf(at, row, end, h32, f32x4.div(limits, sizes), flags), sizes);
    v128.store(at, estimates, ESTIMATES);
    best = leastLane(f32x4.pmin(f32x4.splat(best), estimates));
    limit = max(best, floor) * slack;
  }
  let found = 0;
  for (let i = 0; i < tried; i++) {
    if (load<f32>(table + (<usize>i << 2), ESTIMATES) > limit || isRepeated(table, i)) continue;
    store<i32>(table + (<usize>found << 2), i, LIST);
    found++;
  }
  return found;
}

/** Whether a candidate has the grid of the one before it, so that it is not better. */
@inline function isRepeated(table: usize, i: i32): bool {
  const at = table + (<usize>i << 3);
  return i > 0 && load<f64>(at) == load<f64>(at - 8) && load<f64>(at, ZEROS) == load<f64>(at - 8, ZEROS);
}

/** Table entries of the candidates from `first` to `first` + 3. */
function tabulate(table: usize, first: i32, low: f64, high: f64, flags: i32): void {
  for (let i = first; i < first + 4; i++) {
    const shrink = shrinkOf(i);
    const scale = scaleOf(low * shrink, high * shrink, flags);
    const zero = zeroOf(low * shrink, scale, flags);
    const exact = table + (<usize>i << 3), at = table + (<usize>i << 2);
    store<f64>(exact, scale);
    store<f64>(exact, zero, ZEROS);
    store<f32>(at, <f32>scale, NARROW);
    store<f32>(at, 1 / <f32>scale, INVERSES);
    store<f32>(at, -<f32>zero, LOWEST);
    store<f32>(at, <f32>topOf(flags) - <f32>zero, HIGHEST);
  }
  const at = table + (<usize>first << 2);
  const sizes = measure(f32x4.div(v128.load(at, NARROW), v128.load32_splat(table, NARROW)), flags);
  // NaN, which no comparison excludes, if the inverse is infinite.
  v128.store(at, f32x4.add(sizes, f32x4.mul(v128.load(at, INVERSES), f32x4.splat(0))), SIZES);
}

/** What errors d count: |d|^2.4, or d^2. */
function measure(d: v128, flags: i32): v128 {
  const square = f32x4.mul(d, d);
  return clipOf(flags) == 2 ? square : closePower32(square);
}

/**
 * Lower bounds of the errors of the candidates i to i + 3, which never fall from one candidate to the next: what is cut off from the least
 * and the most weight. If the zero may move, only the sum of both parts is known to grow, and the bound is the best division of it.
 */
function boundsOf(table: usize, i: i32, flags: i32): v128 {
  const at = table + (<usize>i << 2);
  const inverses = v128.load(at, INVERSES), none = f32x4.splat(0);
  const least = f32x4.mul(v128.load32_splat(table, FACTS), inverses), most = f32x4.mul(v128.load32_splat(table, FACTS + 4), inverses);
  const lowest = v128.load(at, LOWEST), highest = v128.load(at, HIGHEST);
  let bounds: v128;
  if (isSymmetric(flags)) {
    const below = measure(f32x4.pmax(f32x4.sub(lowest, least), none), flags);
    const above = measure(f32x4.pmax(f32x4.sub(most, highest), none), flags);
    bounds = f32x4.add(
      f32x4.mul(below, v128.load32_splat(table, FACTS + 8)), f32x4.mul(above, v128.load32_splat(table, FACTS + 12)),
    );
  } else {
    const cut = f32x4.sub(f32x4.sub(most, least), f32x4.sub(highest, lowest));
    bounds = f32x4.mul(measure(f32x4.pmax(cut, none), flags), v128.load32_splat(table, FACTS + 16));
  }
  return f32x4.mul(bounds, v128.load(at, SIZES));
}

/** Sums of |q - x|^2.4 or h (q - x)^2 in steps of the four candidates at `at`; stops when all are above `limits`. */
function sumsOf(at: usize, row: usize, end: usize, h: usize, limits: v128, flags: i32): v128 {
  const inverse = v128.load(at, INVERSES), low = v128.load(at, LOWEST), high = v128.load(at, HIGHEST);
  const round = v128.load(EXP_MAGIC), seed = v128.load(F32_POWER_SEED), fifth = v128.load(F32_POWER_FIFTH);
  const c0 = v128.load(F32_POWER_C0), c1 = v128.load(F32_POWER_C1), c2 = v128.load(F32_POWER_C2);
  const weighted = clipOf(flags) == 2;
  let sums = f32x4.splat(0);
  while (row < end) {
    const stop = min(row + CHECK, end);
    let part = f32x4.splat(0);
    for (; row < stop; row += 4) {
      const steps = f32x4.mul(v128.load32_splat(row), inverse);
      // Adding 1.5 * 2^23 rounds to an integer.
      const code = f32x4.sub(f32x4.add(f32x4.pmin(f32x4.pmax(steps, low), high), round), round);
      const d = f32x4.sub(steps, code);
      const square = f32x4.mul(d, d);
      const error = weighted ? f32x4.mul(v128.load32_splat(h), square) : power32(square, seed, fifth, c0, c1, c2);
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
