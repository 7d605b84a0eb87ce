// Screens the candidates of a clip search in 16-bit integers, eight columns at a time: the weights that no candidate of a batch cuts off are at
// most half a step from a code, and fractions of a step wrap around in 16 bits, so no code is needed to find them. The few weights that some
// candidate cuts off are kept apart. docs/kernels.md tells how far such a sum may be from the exact error.
import { EXP_MAGIC, WORDS_KNEE, F32_BLUNT } from "../common/constants";
import { sumLanes } from "../common/lanes";
import { CANDIDATES, ESTIMATES, INVERSES, shrinkOf } from "./candidates";
import { topOf } from "./flags";

/** Columns of the longest group that is screened. */
export const SCREENED: i32 = 4096;

/** Candidates that share a division of the weights. */
export const BATCH: i32 = 16;

/** By how much the sum of a screen may be above the error, a column, in steps. It is not below. */
export const BLUNT: f32 = 1.93e-3;

/** Bytes of the columns whose integers are summed before they are added in f32: 1024. */
const RUN: usize = 2048;

// The weights to screen, those apart, their end, what turns inverse scales into multipliers, and the multipliers.
export const APART: usize = 2 * <usize>SCREENED;
const END: usize = 3 * APART;
const FACTOR: usize = END + 4;
const SHIFT: usize = END + 8;
const MULTIPLIERS: usize = END + 16;

/** Bytes of memory for a screen. */
export const SCREEN: usize = MULTIPLIERS + 16;

/** End of the weights that are apart. */
@inline export function apartEnd(screen: usize): usize { return load<usize>(screen, END); }

/** Divides a row, whose columns are a multiple of eight, for the candidates of a batch, which begins with `first`. */
export function divideRow(screen: usize, row: usize, end: usize, low: f64, high: f64, first: i32, flags: i32): void {
  const shrink = shrinkOf(min(first + BATCH, CANDIDATES) - 1);
  // The rounding of the scale, of 2^-11 at most, is less than the margin.
  const margin = (high - low) / 1024.0;
  const range = max(-low, high);
  const unit = 32767.0 / (range * shrink);
  // Steps in units of 2^-12 if the range has less than 8 of them, else of 2^-11.
  const wide = range * <f64>topOf(flags) < (high - low) * 7.9;
  store<f32>(screen, <f32>((wide ? 134217728.0 : 67108864.0) / unit), FACTOR);
  store<i32>(screen, wide ? 16 : 32, SHIFT);
  const least = i16x8.splat(<i16>((low + margin) * shrink * unit)), most = i16x8.splat(<i16>((high - margin) * shrink * unit));
  const units = f32x4.splat(<f32>unit), magic = v128.load(EXP_MAGIC);
  let apart = screen + APART;
  for (let kept = screen; row < end;) {
    const stop = min(row + 256, end), from = row;
    let far: u64 = 0;
    for (let at: u64 = 0; row < stop; at += 8) {
      // Adding 1.5 * 2^23 rounds to an integer.
      const a = i32x4.sub(f32x4.add(f32x4.mul(v128.load(row), units), magic), magic);
      const b = i32x4.sub(f32x4.add(f32x4.mul(v128.load(row, 16), units), magic), magic);
      const words = i16x8.narrow_i32x4_s(a, b);
      const outside = v128.or(i16x8.lt_s(words, least), i16x8.gt_s(words, most));
      // In the place of a weight that is apart stays a zero.
      v128.store(kept, v128.andnot(words, outside));
      far |= <u64>i16x8.bitmask(outside) << at;
      kept += 16;
      row += 32;
    }
    for (; far != 0; far &= far - 1) {
      store<f32>(apart, load<f32>(from + (<usize>ctz(far) << 2)));
      apart += 4;
    }
  }
  store<usize>(screen, apart, END);
}

/** Least sums of the errors of `count` columns, less those that are apart, in steps of the four candidates at `at`. */
export function screened(screen: usize, count: i32, at: usize): v128 {
  const factors = v128.load32_splat(screen, FACTOR);
  v128.store(screen, f32x4.add(f32x4.mul(v128.load(at, INVERSES), factors), v128.load(EXP_MAGIC)), MULTIPLIERS);
  const shift = v128.load16_splat(screen, SHIFT), knee = v128.load(WORDS_KNEE);
  const end = screen + (<usize>count << 1);
  for (let lane: usize = 0; lane < 16; lane += 4) {
    const multiplier = v128.load16_splat(screen + lane, MULTIPLIERS);
    let sums = f32x4.splat(0);
    for (let x = screen; x < end;) {
      const stop = min(x + RUN, end);
      let run = i32x4.splat(0);
      for (; x < stop; x += 16) run = grown(run, v128.load(x), multiplier, shift, knee);
      sums = f32x4.add(sums, f32x4.convert_i32x4_s(run));
    }
    store<f32>(at + lane, sumLanes(sums), ESTIMATES);
  }
  return f32x4.add(f32x4.splat(-BLUNT * <f32>count), f32x4.mul(v128.load(at, ESTIMATES), v128.load(F32_BLUNT)));
}

/** Adds d^2 and max(|d| - knee, 0)^2 of eight columns, for fractions d of a step, which wrap around. */
@inline function grown(sums: v128, words: v128, multiplier: v128, shift: v128, knee: v128): v128 {
  const d = i16x8.shr_s(i16x8.mul(i16x8.q15mulr_sat_s(words, multiplier), shift), 4);
  const rest = i16x8.sub_sat_u(i16x8.abs(d), knee);
  return i32x4.add(i32x4.add(sums, i32x4.dot_i16x8_s(d, d)), i32x4.dot_i16x8_s(rest, rest));
}
