// The epilogue of all integer matmuls: exact integer sums become f32 once per activation group (docs/kernels.md).
import { F16_BITS } from "../common/constants";

/** f16 scales of four rows as f32 times 2^-112: their bits are shifted to their place. `actScale` in a record includes 2^112. */
@inline export function scalesOf(bits: usize): v128 { return v128.and(i32x4.shl(v128.load_ext<i16>(bits), 13), v128.load(F16_BITS)); }

/** Zeros of four rows, from four bytes. */
@inline export function zerosOf(bytes: usize): v128 {
  return i32x4.extend_low_i16x8_u(i16x8.extend_low_i8x16_u(v128.load32_zero(bytes)));
}

/** dot - zeros * sum, for rows that have zeros of their own. */
@inline export function lessZeros(dot: v128, zeros: usize, sum: i32): v128 {
  return i32x4.sub(dot, i32x4.mul(zerosOf(zeros), i32x4.splat(sum)));
}

/** y + f32(value) * (weightScale * actScale) for four rows. */
@inline export function fold(y: v128, value: v128, scales: v128, actScale: v128): v128 {
  return f32x4.add(y, f32x4.mul(f32x4.convert_i32x4_s(value), f32x4.mul(scales, actScale)));
}

/**
 * What the sums of an activation group begin with: the part of the zero that all rows share (negative: each has its own), times the sum
 * of the activations. Codes were reduced by `flip`.
 */
@inline export function offsetOf(meta: usize, zero: i32, flip: i32): v128 {
  return i32x4.splat((flip - max(zero, 0)) * load<i32>(meta, 4));
}

/**
 * y[16] += contribution of an activation group with the sums a0 to a3, which began with its offset. `meta` is its entry in the record,
 * `head` the head of the weight group. `zero` is that of all rows, or negative: then each row has its own.
 */
@inline export function foldRows(y: usize, a0: v128, a1: v128, a2: v128, a3: v128, head: usize, meta: usize, zero: i32): void {
  const actScale = v128.load32_splat(meta);
  if (zero < 0) {
    const sum = load<i32>(meta, 4);
    a0 = lessZeros(a0, head + 32, sum), a1 = lessZeros(a1, head + 36, sum), a2 = lessZeros(a2, head + 40, sum), a3 = lessZeros(a3, head + 44, sum);
  }
  v128.store(y, fold(v128.load(y), a0, scalesOf(head), actScale));
  v128.store(y, fold(v128.load(y, 16), a1, scalesOf(head + 8), actScale), 16);
  v128.store(y, fold(v128.load(y, 32), a2, scalesOf(head + 16), actScale), 32);
  v128.store(y, fold(v128.load(y, 48), a3, scalesOf(head + 24), actScale), 48);
}
