// The outer layer of the block scorer, w . relu(x), and its gradients with respect to w and x. Rows of x have any stride, and 16
// columns per panel.
import { sumLanes } from "../common/lanes";

/** sum + relu(x) * w in four lanes. */
@inline function addRelu(sum: v128, x: v128, w: v128): v128 {
  return f32x4.add(sum, f32x4.mul(f32x4.pmax(x, f32x4.splat(0)), w)); // pmax lets a NaN in its first operand pass
}

/** y[t] = sum of w[n] * max(x[t, n], 0) over 16 * panels columns; a unit is a row. */
export function relu_dot_f32(first: i32, last: i32, scratch: usize, y: usize, x: usize, ldx: i32, w: usize, panels: i32): void {
  const bytes = <usize>panels << 6;
  for (let t = first; t < last; t++) {
    const row = x + (<usize>t * ldx << 2);
    let a = f32x4.splat(0), b = a, c = a, d = a;
    for (let at: usize = 0; at < bytes; at += 64) {
      a = addRelu(a, v128.load(row + at), v128.load(w + at));
      b = addRelu(b, v128.load(row + at, 16), v128.load(w + at, 16));
      c = addRelu(c, v128.load(row + at, 32), v128.load(w + at, 32));
      d = addRelu(d, v128.load(row + at, 48), v128.load(w + at, 48));
    }
    store<f32>(y + (<usize>t << 2), sumLanes(f32x4.add(f32x4.add(a, b), f32x4.add(c, d))));
  }
}

/** Writes the gradient at x, slope * w where x > 0, to `at`. Returns slope * x there, both 0 elsewhere. */
@inline function slopeOf(at: usize, x: v128, slope: v128, w: v128): v128 {
  const above = f32x4.gt(x, f32x4.splat(0));
  v128.store(at, v128.and(f32x4.mul(slope, w), above));
  return v128.and(f32x4.mul(slope, x), above);
}

/**
 * The gradients of `relu_dot_f32`, from the gradients at y[t]. Those at x are written as matmul panels, slopes[p][t][16]. Those at w
 * are summed over ascending rows, in `gradient`. A unit is a panel.
 */
export function relu_slopes_f32(first: i32, last: i32, scratch: usize, slopes: usize, gradient: usize, y: usize, x: usize, ldx: i32, w: usize, rows: i32): void {
  const step = <usize>ldx << 2;
  for (let p = first; p < last; p++) {
    const column = <usize>p << 6;
    const w0 = v128.load(w + column), w1 = v128.load(w + column, 16), w2 = v128.load(w + column, 32), w3 = v128.load(w + column, 48);
    let a = f32x4.splat(0), b = a, c = a, d = a;
    let from = x + column;
    let to = slopes + <usize>p * (<usize>rows << 6);
    for (let t: usize = 0; t < <usize>rows << 2; t += 4, from += step, to += 64) {
      const slope = v128.load32_splat(y + t);
      a = f32x4.add(a, slopeOf(to, v128.load(from), slope, w0));
      b = f32x4.add(b, slopeOf(to + 16, v128.load(from, 16), slope, w1));
      c = f32x4.add(c, slopeOf(to + 32, v128.load(from, 32), slope, w2));
      d = f32x4.add(d, slopeOf(to + 48, v128.load(from, 48), slope, w3));
    }
    v128.store(gradient + column, a);
    v128.store(gradient + column, b, 16);
    v128.store(gradient + column, c, 32);
    v128.store(gradient + column, d, 48);
  }
}
