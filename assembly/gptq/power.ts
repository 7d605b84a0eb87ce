// |d|^2.4, the measure of the mse clip search, without the host's pow: to all digits in f64, and to 0.005 percent in f32.
import {
  F64_0_088, F64_0_12, F64_0_2, F64_ONE, F64_ROOT_SEED, F64_TINY,
} from "../common/constants";

/** |d|^2.4 of two f64. It is a^2 y^4 with a = d^2 and y = a^(-1/5), from a seed by the exponent and two fourth-order steps. */
@inline export function power64(d: v128): v128 {
  const one = v128.load(F64_ONE), fifth = v128.load(F64_0_2), second = v128.load(F64_0_12), third = v128.load(F64_0_088);
  const none = f64x2.splat(0);
  const a = f64x2.pmax(f64x2.mul(d, d), v128.load(F64_TINY));
  const highs = f64x2.convert_low_i32x4_s(v128.shuffle<i32>(a, none, 1, 3, 4, 4));
  let y = v128.shuffle<i32>(f64x2.sub(v128.load(F64_ROOT_SEED), f64x2.mul(highs, fifth)), none, 4, 0, 4, 2);
  for (let step = 0; step < 2; step++) {
    const y2 = f64x2.mul(y, y);
    const e = f64x2.sub(one, f64x2.mul(a, f64x2.mul(f64x2.mul(y2, y2), y)));
    const series = f64x2.add(fifth, f64x2.mul(e, f64x2.add(second, f64x2.mul(e, third))));
    y = f64x2.add(y, f64x2.mul(f64x2.mul(y, e), series));
  }
  const y2 = f64x2.mul(y, y);
  return f64x2.mul(f64x2.mul(a, a), f64x2.mul(y2, y2));
}

/**
 * a^1.2 of four f32 in [2^-100, 2^80], or 0 for 0. The seed y of a^(-1/5) comes from the upper half of a's bits, and with e = a y^5 near 1
 * the result is a^2 y^4 e^(-0.8). A cubic replaces the last factor. The largest relative error is 5.0e-5.
 */
@inline export function power32(a: v128, seed: v128, fifth: v128, c0: v128, c1: v128, c2: v128, c3: v128): v128 {
  const y = i32x4.sub(seed, i32x4.dot_i16x8_s(i32x4.shr_u(a, 16), fifth));
  const y2 = f32x4.mul(y, y);
  const root = f32x4.mul(a, f32x4.mul(y2, y2));
  const e = f32x4.mul(root, y);
  const factor = f32x4.add(c0, f32x4.mul(e, f32x4.add(c1, f32x4.mul(e, f32x4.add(c2, f32x4.mul(e, c3))))));
  return f32x4.mul(f32x4.mul(a, root), factor);
}
