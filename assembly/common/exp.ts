// e^x in SIMD and ln x, from additions, multiplications and bit operations only: Math.exp differs between engines, these do not.
//
// Both versions of e^x: n = round(x / ln 2), r = x - n ln 2 in two steps (the first exact), e^r by a polynomial, times 2^n by adding n
// to the exponent. Errors against Math.exp, asserted in test/kernels/common/exp.test.ts: f32 <= 1.5e-7 relative on [-87, 88], f64 <= 4.5e-16
// on [-708, 709].
import {
  EXP_BOTTOM, EXP_C2, EXP_C3, EXP_C4, EXP_C5, EXP_C6, EXP_LN2_HIGH, EXP_LN2_LOW, EXP_LOG2E, EXP_MAGIC, EXP_ONE, EXP_TOP,
  EXPD_BOTTOM, EXPD_C2, EXPD_LN2_HIGH, EXPD_LN2_LOW, EXPD_LOG2E, EXPD_MAGIC, EXPD_ONE, EXPD_TOP,
} from "./constants";

/** e^x in four f32 lanes: 0 below -87.3 (also for -inf), e^88.37 above 88.37 (also for +inf), NaN for NaN. */
@inline
export function exp4(value: v128): v128 {
  const x = f32x4.pmin(value, v128.load(EXP_TOP)); // pmin and pmax pass a NaN in their first operand
  const magic = v128.load(EXP_MAGIC);
  const rounded = f32x4.add(f32x4.mul(x, v128.load(EXP_LOG2E)), magic); // n is in the low bits
  const n = f32x4.sub(rounded, magic);
  const r = f32x4.sub(f32x4.sub(x, f32x4.mul(n, v128.load(EXP_LN2_HIGH))), f32x4.mul(n, v128.load(EXP_LN2_LOW)));
  let p = f32x4.add(f32x4.mul(v128.load(EXP_C6), r), v128.load(EXP_C5));
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP_C4));
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP_C3));
  p = f32x4.add(f32x4.mul(p, r), v128.load(EXP_C2));
  p = f32x4.add(f32x4.add(f32x4.mul(f32x4.mul(r, r), p), r), v128.load(EXP_ONE));
  const scaled = i32x4.add(p, i32x4.shl(rounded, 23));
  return v128.andnot(scaled, f32x4.lt(value, v128.load(EXP_BOTTOM)));
}

/** e^x of one f32, the same bits as a lane of `exp4`. */
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** Address of 1 / k!. */
@inline
function coefficient(k: usize): usize {
  return EXPD_C2 + ((k - 2) << 4);
}

/** e^x in two f64 lanes: 0 below -708, e^709 above 709, NaN for NaN. */
@inline
export function exp2d(value: v128): v128 {
  const x = f64x2.pmin(value, v128.load(EXPD_TOP));
  const magic = v128.load(EXPD_MAGIC);
  const rounded = f64x2.add(f64x2.mul(x, v128.load(EXPD_LOG2E)), magic);
  const n = f64x2.sub(rounded, magic);
  const r = f64x2.sub(f64x2.sub(x, f64x2.mul(n, v128.load(EXPD_LN2_HIGH))), f64x2.mul(n, v128.load(EXPD_LN2_LOW)));
  let p = f64x2.add(f64x2.mul(v128.load(coefficient(13)), r), v128.load(coefficient(12)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(11)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(10)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(9)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(8)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(7)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(6)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(5)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(4)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(3)));
  p = f64x2.add(f64x2.mul(p, r), v128.load(coefficient(2)));
  p = f64x2.add(f64x2.add(f64x2.mul(f64x2.mul(r, r), p), r), v128.load(EXPD_ONE));
  const scaled = i64x2.add(p, i64x2.shl(rounded, 52));
  return v128.andnot(scaled, f64x2.lt(value, v128.load(EXPD_BOTTOM)));
}

/** ln x of a positive, normal, finite f64: x = 2^k m, s = (m - 1) / (m + 1), ln m = 2 (s + s^3/3 + s^5/5 + ..). Within 1 ulp. */
export function log1(x: f64): f64 {
  const bits = reinterpret<u64>(x);
  let k = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0x000f_ffff_ffff_ffff) | 0x3ff0_0000_0000_0000);
  if (m > 1.4142135623730951) {
    m *= 0.5;
    k++;
  }
  const f = m - 1.0;
  const s = f / (2.0 + f);
  const z = s * s;
  let tail = 2.0 / 23.0;
  for (let odd = 21; odd >= 3; odd -= 2) tail = tail * z + 2.0 / <f64>odd;
  // 2s = f - s f, hence ln m = f - s (f - z tail): f is exact and the rest is small.
  const n = <f64>k;
  return n * 0.6931471805598903 + (f - (s * (f - z * tail) - n * 5.497923018708371e-14));
}

/** y[i] = e^x[i], f32; a unit is an element. */
export function exp_f32(first: i32, last: i32, scratch: usize, y: usize, x: usize): void {
  let at = <usize>first << 2;
  const end = <usize>last << 2;
  for (; at + 16 <= end; at += 16) v128.store(y + at, exp4(v128.load(x + at)));
  for (; at < end; at += 4) store<f32>(y + at, exp1(load<f32>(x + at)));
}

/** y[i] = e^x[i], f64; a unit is an element. */
export function exp_f64(first: i32, last: i32, scratch: usize, y: usize, x: usize): void {
  for (let i = first; i < last; i++) {
    const at = <usize>i << 3;
    v128.store64_lane(y + at, exp2d(v128.load64_splat(x + at)), 0);
  }
}

/** y[i] = ln x[i], f64, x positive and normal; a unit is an element. */
export function log_f64(first: i32, last: i32, scratch: usize, y: usize, x: usize): void {
  for (let i = first; i < last; i++) store<f64>(y + (<usize>i << 3), log1(load<f64>(x + (<usize>i << 3))));
}
