// Scales as they are stored, and codes, in f64.
import { isF32 } from "./flags";

/** A scale in f16 or f32: ties to even, never zero and never infinite. */
export function roundScale(x: f64, flags: i32): f64 {
  if (isF32(flags)) return max(min(<f64><f32>x, <f64>f32.MAX_VALUE), <f64>f32.MIN_VALUE);
  if (x < 6.103515625e-5) return max(nearest(x * 16777216.0), 1.0) / 16777216.0;
  const bits = reinterpret<i64>(x);
  const kept = (bits + 0x1ffffffffff + ((bits >> 42) & 1)) & ~0x3ffffffffff;
  return min(reinterpret<f64>(kept), 65504.0);
}

/** Codes of two weights as f64. */
@inline export function codeOf(x: v128, scale: v128, zero: v128, top: v128): v128 {
  const q = f64x2.add(f64x2.nearest(f64x2.div(x, scale)), zero);
  return f64x2.pmin(f64x2.pmax(q, f64x2.splat(0)), top);
}
