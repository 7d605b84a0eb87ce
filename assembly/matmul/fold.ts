// The epilogue of all integer matmuls: exact integer sums become f32 once per activation group (docs/kernels.md). V is the type of the
// activations' values: i8 (narrow) or i16 (wide).
import { HIGH_HALF, LOW_HALF } from "../common/constants";

/** The sum of a group's activations in all lanes, from the record's meta part. In 8 bits it fits in the low half of a lane. */
@inline export function sumOf<V>(meta: usize): v128 {
  const sum = v128.load32_splat(meta, 4);
  return sizeof<V>() == 1 ? v128.and(sum, v128.load(LOW_HALF)) : sum;
}

/**
 * y + f32(dot - zero * sum) * (weightScale * actScale) for four rows; `head` holds their f16 scale bits << 16 | zero.
 * The bits of the f16 scale, shifted to their place in an f32, give the scale times 2^-112. `actScale` includes 2^112.
 */
@inline export function fold<V>(y: v128, dot: v128, head: v128, actScale: v128, sum: v128): v128 {
  const zeros = sizeof<V>() == 1 ? i32x4.dot_i16x8_s(head, sum) : i32x4.mul(v128.and(head, v128.load(LOW_HALF)), sum);
  const weightScale = i32x4.shr_u(v128.and(head, v128.load(HIGH_HALF)), 3);
  const value = f32x4.convert_i32x4_s(i32x4.sub(dot, zeros));
  return f32x4.add(y, f32x4.mul(value, f32x4.mul(weightScale, actScale)));
}
