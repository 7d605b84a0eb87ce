// Dots of block codes with activations, and what follows them: integers, which are exact, then f32 operations in one order.
import { F16_REST, F16_SIGN, F32_2M112 } from "../common/constants";

/** sum + x · w: four bytes (V = i8) or two 16-bit words (i16) in every lane. Bytes of w are below 64, so the relaxed dot is exact. */
@inline export function addDot<V>(sum: v128, x: v128, w: v128): v128 {
  if (sizeof<V>() == 1) return v128.relaxed_dot_add<i32>(x, w, sum);
  return i32x4.add(sum, i32x4.dot_i16x8_s(x, w));
}

/** The scale of an activation group, in all lanes. */
@inline export function actScaleOf(meta: usize): v128 { return f32x4.mul(v128.load32_splat(meta), v128.load(F32_2M112)); }

/** The sum of an activation group, in all lanes, as f32. */
@inline export function actSumOf(meta: usize): v128 { return f32x4.convert_i32x4_s(v128.load32_splat(meta, 4)); }

@inline function addScaled(y: v128, dot: v128, scale: v128, min: v128, actScale: v128, actSum: v128): v128 {
  const scaled = f32x4.mul(f32x4.convert_i32x4_s(dot), scale);
  return f32x4.add(y, f32x4.mul(f32x4.sub(scaled, f32x4.mul(actSum, min)), actScale));
}

/**
 * y + (dot * scale - sum * min) * actScale for four rows, whose scales are at `heads` and whose minimums follow 64 bytes later. Every
 * operation is rounded, in this order.
 */
@inline export function addGroup(y: v128, dot: v128, heads: usize, actScale: v128, actSum: v128): v128 {
  return addScaled(y, dot, v128.load(heads), v128.load(heads, 64), actScale, actSum);
}

/**
 * The same for a block of 32 columns, whose scales and minimums are the f16 of `head`. Their bits are shifted to their place in an f32, which
 * gives them times 2^-112; `actScale` includes 2^112. No operation loses bits by that, so the results are those of `addGroup`.
 */
@inline export function addHead(y: v128, dot: v128, head: v128, actScale: v128, actSum: v128): v128 {
  const mask = v128.or(v128.load(F16_SIGN), v128.load(F16_REST));
  return addScaled(y, dot, v128.and(i32x4.shr_s(head, 3), mask), v128.and(i32x4.shr_s(i32x4.shl(head, 16), 3), mask), actScale, actSum);
}
