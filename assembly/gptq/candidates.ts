// The candidates of a clip search: 80 ranges that are shrunk by 0 to 79 percent, with their grids, and bounds of their errors.
import {
  EXP_ONE, F32_POWER_C0, F32_POWER_C1, F32_POWER_C2, F32_POWER_C3, F32_POWER_FIFTH, F32_POWER_SEED,
} from "../common/constants";
import { bitsOf, clipOf, isSymmetric, topOf } from "./flags";
import { power32 } from "./power";
import { roundScales } from "./scale";

/** Candidates of a clip search. */
export const CANDIDATES: i32 = 80;

// The table of candidates: scales and zeros in f64, then in f32 scales, inverse scales, lowest and highest code minus zero, the error of one
// step relative to the first candidate's, and estimates. The list of candidates that may win follows, then facts about the row: its least and
// most weight (or 0), the factors of their errors and of one that both have together, the estimate up to which f32's rounding may matter and
// what the errors of all columns count together.
export const ZEROS: usize = 640;
export const NARROW: usize = 1280;
export const INVERSES: usize = 1600;
export const LOWEST: usize = 1920;
export const HIGHEST: usize = 2240;
export const SIZES: usize = 2560;
export const ESTIMATES: usize = 2880;
export const LIST: usize = 3200;
export const FACTS: usize = 3520;

/** Bytes of the table. */
export const TABLE: usize = 3552;

/** The share of the range that a candidate keeps. */
@inline export function shrinkOf(i: i32): f64 {
  return 1.0 - <f64>i / 100.0;
}

/** Table entries of the candidates from `first` to `first` + 3. */
export function tabulate(table: usize, first: i32, low: f64, high: f64, flags: i32): void {
  const at = table + (<usize>first << 2);
  const exact = table + (<usize>first << 3);
  const top = f64x2.splat(<f64>topOf(flags));
  for (let pair: usize = 0; pair < 32; pair += 16) {
    const i = first + <i32>(pair >> 3);
    const shrinks = f64x2.replace_lane(f64x2.splat(shrinkOf(i)), 1, shrinkOf(i + 1));
    const from = f64x2.mul(f64x2.splat(low), shrinks);
    const ideal = f64x2.div(f64x2.sub(f64x2.mul(f64x2.splat(high), shrinks), from), top);
    const scales = roundScales(ideal, flags);
    v128.store(exact + pair, scales);
    let zeros = f64x2.splat(<f64>(1 << (bitsOf(flags) - 1)));
    if (!isSymmetric(flags)) zeros = f64x2.pmin(f64x2.pmax(f64x2.splat(0), f64x2.nearest(f64x2.div(f64x2.neg(from), scales))), top);
    v128.store(exact + pair, zeros, ZEROS);
  }
  const scales = narrowed(exact), lowest = f32x4.neg(narrowed(exact + ZEROS));
  v128.store(at, scales, NARROW);
  const inverses = f32x4.div(v128.load(EXP_ONE), scales);
  v128.store(at, inverses, INVERSES);
  v128.store(at, lowest, LOWEST);
  v128.store(at, f32x4.add(f32x4.splat(<f32>topOf(flags)), lowest), HIGHEST);
  const sizes = measure(f32x4.mul(scales, v128.load32_splat(table, INVERSES)), flags);
  // NaN, which no comparison excludes, if the inverse is infinite.
  v128.store(at, f32x4.add(sizes, f32x4.mul(inverses, f32x4.splat(0))), SIZES);
}

/** Four f64 as f32. */
@inline function narrowed(p: usize): v128 {
  return v128.shuffle<i64>(f32x4.demote_f64x2_zero(v128.load(p)), f32x4.demote_f64x2_zero(v128.load(p, 16)), 0, 2);
}

/** What errors d count: |d|^2.4, or d^2. */
export function measure(d: v128, flags: i32): v128 {
  const square = f32x4.mul(d, d);
  if (clipOf(flags) == 2) return square;
  const c0 = v128.load(F32_POWER_C0), c1 = v128.load(F32_POWER_C1), c2 = v128.load(F32_POWER_C2), c3 = v128.load(F32_POWER_C3);
  return power32(square, v128.load(F32_POWER_SEED), v128.load(F32_POWER_FIFTH), c0, c1, c2, c3);
}

/**
 * Lower bounds of the errors of the candidates i to i + 3, which never fall from one candidate to the next: what is cut off from the least
 * and the most weight. If the zero may move, only the sum of both parts is known to grow, and the bound is the best division of it.
 */
export function boundsOf(table: usize, i: i32, flags: i32): v128 {
  const at = table + (<usize>i << 2);
  const inverses = v128.load(at, INVERSES), none = f32x4.splat(0);
  const below = f32x4.sub(v128.load(at, LOWEST), f32x4.mul(v128.load32_splat(table, FACTS), inverses));
  const above = f32x4.sub(f32x4.mul(v128.load32_splat(table, FACTS + 4), inverses), v128.load(at, HIGHEST));
  let bounds: v128;
  if (isSymmetric(flags)) {
    bounds = f32x4.add(
      f32x4.mul(measure(f32x4.pmax(below, none), flags), v128.load32_splat(table, FACTS + 8)),
      f32x4.mul(measure(f32x4.pmax(above, none), flags), v128.load32_splat(table, FACTS + 12)),
    );
  } else {
    bounds = f32x4.mul(measure(f32x4.pmax(f32x4.add(below, above), none), flags), v128.load32_splat(table, FACTS + 16));
  }
  return f32x4.mul(bounds, v128.load(at, SIZES));
}
