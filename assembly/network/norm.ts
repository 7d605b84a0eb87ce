// Root-mean-square normalisation.

/** Sum of squares of one row in f64: exact squares, four running sums, then (0 + 2) + (1 + 3), then the last columns. */
function squares(x: usize, width: i32): f64 {
  let low = f64x2.splat(0);
  let high = f64x2.splat(0);
  const end = x + (<usize>width << 2);
  let at = x;
  for (; at + 16 <= end; at += 16) {
    const a = f64x2.promote_low_f32x4(v128.load64_zero(at));
    const b = f64x2.promote_low_f32x4(v128.load64_zero(at, 8));
    low = f64x2.add(low, f64x2.mul(a, a));
    high = f64x2.add(high, f64x2.mul(b, b));
  }
  const both = f64x2.add(low, high);
  let sum = f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1);
  for (; at < end; at += 4) {
    const value = <f64>load<f32>(at);
    sum += value * value;
  }
  return sum;
}

/**
 * y[t] = x[t] / sqrt(mean(x[t]^2) + eps) * weight; a unit is a row. y may be x.
 * The mean is computed in f64, because one column of a residual stream may be 1e4 times the others.
 */
export function rmsnorm_f32(
  first: i32, last: i32, scratch: usize,
  y: usize, ldy: i32, x: usize, ldx: i32, weight: usize, width: i32, eps: u32,
): void {
  const bytes = <usize>width << 2;
  const epsilon = <f64>reinterpret<f32>(eps);
  for (let row = first; row < last; row++) {
    const from = x + (<usize>row * ldx << 2);
    const to = y + (<usize>row * ldy << 2);
    const inverse = <f32>(1.0 / sqrt<f64>(squares(from, width) / <f64>width + epsilon));
    const factor = f32x4.splat(inverse);
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16)
      v128.store(to + at, f32x4.mul(f32x4.mul(v128.load(from + at), factor), v128.load(weight + at)));
    for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(from + at) * inverse * load<f32>(weight + at));
  }
}

/**
 * Normalises every head of x[T, heads * headDim] by itself, in place, as `rmsnorm_f32` does a row; a unit is a token. All heads share
 * weight[headDim].
 */
export function rmsnorm_heads_f32(
  first: i32, last: i32, scratch: usize, x: usize, ldx: i32, weight: usize, heads: i32, headDim: i32, eps: u32,
): void {
  for (let token = first; token < last; token++) {
    const row = x + (<usize>token * ldx << 2);
    rmsnorm_f32(0, heads, scratch, row, headDim, row, headDim, weight, headDim, eps);
  }
}
