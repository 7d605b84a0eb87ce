// Rounds activations to int8 or int16, symmetric, with one scale per group of columns (docs/kernels.md, "Activations").
import { EXP_MAGIC, F32_2P112 } from "../common/constants";

/** Groups whose largest magnitude is below 2^-100 count as zero: the reciprocal of their scale could overflow. */
const TINY: f32 = reinterpret<f32>(0x0d800000);

/** Largest code of a mode: mode 0 is int8, 1 is int16. The latter's upper byte, rounded to nearest, must be at most 127. */
@inline function maxCode(mode: i32): f32 { return mode == 0 ? 127 : 32639; }

/** The larger of two magnitudes in each lane, by their bits: in this order a NaN is above infinity. One instruction, unlike f32x4.max. */
@inline function larger(top: v128, x: v128): v128 { return i32x4.max_s(top, f32x4.abs(x)); }

/** Largest magnitude of n values; NaN if any value is NaN. */
function amaxOf(x: usize, n: i32): f32 {
  const end = x + (<usize>n << 2);
  let a = i32x4.splat(0), b = i32x4.splat(0);
  for (; x + 64 <= end; x += 64) {
    a = larger(a, v128.load(x)), b = larger(b, v128.load(x, 16));
    a = larger(a, v128.load(x, 32)), b = larger(b, v128.load(x, 48));
  }
  a = i32x4.max_s(a, b);
  for (; x + 16 <= end; x += 16) a = larger(a, v128.load(x));
  a = i32x4.max_s(a, i32x4.shuffle(a, a, 2, 3, 0, 1));
  a = i32x4.max_s(a, i32x4.shuffle(a, a, 1, 0, 3, 2));
  let amax = f32x4.extract_lane(a, 0);
  for (; x < end; x += 4) amax = max(amax, abs(load<f32>(x)));
  return amax;
}

/** Four codes of x[0..4), which are finite, as i32: `magic` is 1.5 * 2^23, and adding it rounds to an integer in the low bits, ties to even. */
@inline function round4(x: usize, inverse: v128, magic: v128): v128 {
  return i32x4.sub(f32x4.add(f32x4.mul(v128.load(x), inverse), magic), magic);
}

/** The address of n finite values: x if the largest magnitude is finite, else zeros in scratch. */
@inline function finiteOnes(x: usize, n: i32, amax: f32, scratch: usize): usize {
  if (amax < Infinity) return x;
  memory.fill(scratch, 0, <usize>n << 2);
  return scratch;
}

/**
 * Writes the codes of n columns (a multiple of 8) to `wide` and, unless it is 0, to `narrow`: as bytes, or (lowStep > 0) as their upper
 * bytes, rounded to nearest, and the signed rests `lowStep` bytes further on. Returns their sum.
 */
function storeCodes(wide: usize, narrow: usize, lowStep: usize, x: usize, n: i32, inverse: f32): i32 {
  const inverses = f32x4.splat(inverse);
  const magic = v128.load(EXP_MAGIC);
  let sums = i32x4.splat(0);
  for (let col: usize = 0; col < <usize>n; col += 8) {
    const low = round4(x + (col << 2), inverses, magic);
    const high = round4(x + (col << 2) + 16, inverses, magic);
    sums = i32x4.add(sums, i32x4.add(low, high));
    const words = i16x8.narrow_i32x4_s(low, high);
    v128.store(wide + (col << 1), i16x8.shuffle(words, words, 0, 2, 1, 3, 4, 6, 5, 7));
    if (narrow) {
      const rests = i16x8.shr_s(i16x8.shl(words, 8), 8);
      const both = lowStep ? i8x16.narrow_i16x8_s(i16x8.shr_s(i16x8.sub(words, rests), 8), rests) : i8x16.narrow_i16x8_s(words, words);
      v128.store64_lane(narrow + col, both, 0);
      if (lowStep) v128.store64_lane(narrow + lowStep + col, both, 1);
    }
  }
  return i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) + i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3);
}

/**
 * record[T] = x[T,K] rounded in groups of `actGroup` columns; mode 0 is int8, 1 is int16; a unit is a row.
 * K and actGroup are multiples of 32. The wide part follows the meta part. `narrowOffset` is the byte offset of the narrow part in a
 * record, K bytes (int16: 2 K); 0 leaves it out. Scales must stay below 2^16: |x| < 8e6 in int8. Infinite and NaN columns make their row's results NaN.
 * Scratch: 512 bytes.
 */
export function quantize_act(first: i32, last: i32, scratch: usize, record: usize, x: usize, ldx: i32, k: i32, actGroup: i32, recordBytes: i32, narrowOffset: usize, mode: i32): void {
  const top = maxCode(mode);
  const up = load<f32>(F32_2P112);
  const wideOffset = <usize>(((k + actGroup - 1) / actGroup * 8 + 15) & ~15);
  for (let t = first; t < last; t++) {
    const to = record + <usize>t * <usize>recordBytes;
    const from = x + (<usize>t * <usize>ldx << 2);
    let meta = to;
    for (let col = 0; col < k; col += actGroup) {
      const n = min(actGroup, k - col);
      const x0 = from + (<usize>col << 2);
      const amax = amaxOf(x0, n);
      const empty = amax < TINY || !(amax < Infinity);
      const narrow = narrowOffset ? to + narrowOffset + <usize>col : 0;
      const sum = storeCodes(to + wideOffset + (<usize>col << 1), narrow, mode == 0 ? 0 : <usize>k, finiteOnes(x0, n, amax, scratch), n, empty ? 0 : top / amax);
      store<f32>(meta, amax < TINY ? 0 : amax / top * up);
      store<i32>(meta, sum, 4);
      meta += 8;
    }
  }
}

/**
 * y[T,K] = x[T,K] rounded to codes from -levels to levels in groups of `actGroup` columns and scaled back; a unit is a row.
 * `scales` 0: each group's scale is amax / levels. Otherwise it is the address of f32 scales, one per group for all rows, and values
 * beyond the last code are clipped. Any K; the last group may be short. y may be x.
 */
export function round_act(first: i32, last: i32, scratch: usize, y: usize, ldy: i32, x: usize, ldx: i32, k: i32, actGroup: i32, levels: i32, scales: usize): void {
  const top = <f32>levels;
  const tops = f32x4.splat(top);
  const bottoms = f32x4.splat(-top);
  for (let t = first; t < last; t++) {
    const to = y + (<usize>t * <usize>ldy << 2);
    const from = x + (<usize>t * <usize>ldx << 2);
    let given = scales;
    for (let col = 0; col < k; col += actGroup) {
      const n = min(actGroup, k - col);
      let inverse: f32, scale: f32;
      if (given) {
        scale = load<f32>(given);
        inverse = scale < TINY ? 0 : 1 / scale;
        given += 4;
      } else {
        const amax = amaxOf(from + (<usize>col << 2), n);
        inverse = amax < TINY ? 0 : top / amax;
        scale = amax < TINY ? 0 : amax / top;
      }
      const inverses = f32x4.splat(inverse);
      const factors = f32x4.splat(scale);
      let at = <usize>col << 2;
      const end = <usize>(col + n) << 2;
      for (; at + 16 <= end; at += 16) {
        const codes = f32x4.nearest(f32x4.mul(v128.load(from + at), inverses));
        v128.store(to + at, f32x4.mul(f32x4.max(f32x4.min(codes, tops), bottoms), factors));
      }
      for (; at < end; at += 4) store<f32>(to + at, max(min(nearest(load<f32>(from + at) * inverse), top), -top) * scale);
    }
  }
}
