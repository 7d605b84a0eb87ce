// Scales as they are stored, and codes, in f64.
import { F64_INFINITY, F64_ONE } from "../common/constants";
import { isF32 } from "./flags";

/** Two positive scales in f16 or f32: ties to even, never zero and never infinite. */
@inline export function roundScales(x: v128, flags: i32): v128 {
  const normal: f64 = isF32(flags) ? 1.1754943508222875e-38 : 6.103515625e-5;
  const ulps: f64 = isF32(flags) ? 8388608.0 : 1024.0;
  const most: f64 = isF32(flags) ? <f64>f32.MAX_VALUE : 65504.0;
  // Adding 1.5 * 2^52 units of the last place rounds to such units: of x's power of two, or of the least normal number.
  const power = f64x2.pmax(v128.and(x, v128.load(F64_INFINITY)), f64x2.splat(normal));
  const round = f64x2.mul(power, f64x2.splat(6755399441055744.0 / ulps));
  const kept = f64x2.sub(f64x2.add(x, round), round);
  return f64x2.pmin(f64x2.pmax(kept, f64x2.splat(normal / ulps)), f64x2.splat(most * load<f64>(F64_ONE)));
}

/** Codes of two weights as f64. */
@inline export function codeOf(x: v128, scale: v128, zero: v128, top: v128): v128 {
  const q = f64x2.add(f64x2.nearest(f64x2.div(x, scale)), zero);
  return f64x2.pmin(f64x2.pmax(q, f64x2.splat(0)), top);
}
