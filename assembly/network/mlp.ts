// Element-wise steps of the residual stream and of the experts' MLPs. Unless stated otherwise, a unit is a row.
import { EXP_ONE } from "../common/constants";
import { exp1, exp4 } from "../common/exp";

/** y[t] = silu(gate[t]) * up[t], silu(g) = g / (1 + e^-g); all three have row stride ld. y may be gate or up. */
export function swiglu_f32(
  first: i32, last: i32, scratch: usize, y: usize, gate: usize, up: usize, ld: i32, width: i32,
): void {
  const one = v128.load(EXP_ONE);
  for (let row = first; row < last; row++) {
    let at = <usize>row * ld << 2;
    const end = at + (<usize>width << 2);
    for (; at + 16 <= end; at += 16) {
      const g = v128.load(gate + at);
      const silu = f32x4.div(g, f32x4.add(one, exp4(f32x4.neg(g))));
      v128.store(y + at, f32x4.mul(silu, v128.load(up + at)));
    }
    for (; at < end; at += 4) {
      const g = load<f32>(gate + at);
      store<f32>(y + at, (g / (<f32>1 + exp1(-g))) * load<f32>(up + at));
    }
  }
}

/**
 * y[t] = (up' + 1) * gate' / (1 + e^(-alpha gate')), where gate' = min(gate, limit) and up' is `up` between -limit and limit (gpt-oss);
 * otherwise as `swiglu_f32`.
 */
export function swiglu_clamped_f32(
  first: i32, last: i32, scratch: usize, y: usize, gate: usize, up: usize, ld: i32, width: i32, alpha: u32, limit: u32,
): void {
  const one = v128.load(EXP_ONE);
  const steep = reinterpret<f32>(alpha);
  const most = reinterpret<f32>(limit);
  const steeps = f32x4.splat(-steep);
  const high = f32x4.splat(most);
  const low = f32x4.splat(-most);
  for (let row = first; row < last; row++) {
    let at = <usize>row * ld << 2;
    const end = at + (<usize>width << 2);
    for (; at + 16 <= end; at += 16) {
      const g = f32x4.min(v128.load(gate + at), high);
      const u = f32x4.max(f32x4.min(v128.load(up + at), high), low);
      const glu = f32x4.div(g, f32x4.add(one, exp4(f32x4.mul(g, steeps))));
      v128.store(y + at, f32x4.mul(f32x4.add(u, one), glu));
    }
    for (; at < end; at += 4) {
      const g = min(load<f32>(gate + at), most);
      const u = max(min(load<f32>(up + at), most), -most);
      store<f32>(y + at, (u + 1) * (g / (<f32>1 + exp1(g * -steep))));
    }
  }
}

/** y[t] += x[t]. */
export function add_f32(
  first: i32, last: i32, scratch: usize, y: usize, ldy: i32, x: usize, ldx: i32, width: i32,
): void {
  const bytes = <usize>width << 2;
  for (let row = first; row < last; row++) {
    const to = y + (<usize>row * ldy << 2);
    const from = x + (<usize>row * ldx << 2);
    let at: usize = 0;
    for (; at + 16 <= bytes; at += 16) v128.store(to + at, f32x4.add(v128.load(to + at), v128.load(from + at)));
    for (; at < bytes; at += 4) store<f32>(to + at, load<f32>(to + at) + load<f32>(from + at));
  }
}

/**
 * y[t] += bias for the rows that a linear computes. A unit is an entry { bias, span, y, 0 } of a table like those of matmuls: all
 * experts of a layer, or a single dense linear. Linears whose rows overlap must be in different calls.
 */
export function add_bias_f32(first: i32, last: i32, scratch: usize, table: usize, ldy: i32, width: i32): void {
  for (let unit = first; unit < last; unit++) {
    const entry = table + (<usize>unit << 4);
    const span = <usize>load<u32>(entry, 4);
    const start = load<i32>(span);
    add_f32(start, start + load<i32>(span, 4), scratch, load<u32>(entry, 8), ldy, load<u32>(entry), 0, width);
  }
}

/** y[t] *= factor. */
export function scale_f32(first: i32, last: i32, scratch: usize, y: usize, ldy: i32, width: i32, factor: u32): void {
  const scalar = reinterpret<f32>(factor);
  const vector = f32x4.splat(scalar);
  for (let row = first; row < last; row++) {
    let at = y + (<usize>row * ldy << 2);
    const end = at + (<usize>width << 2);
    for (; at + 16 <= end; at += 16) v128.store(at, f32x4.mul(v128.load(at), vector));
    for (; at < end; at += 4) store<f32>(at, load<f32>(at) * scalar);
  }
}

/** y[t] *= 1 / (1 + e^-gate[t]), where gate has one column of row stride ldg. */
export function sigmoid_scale_f32(
  first: i32, last: i32, scratch: usize, y: usize, ldy: i32, gate: usize, ldg: i32, width: i32,
): void {
  for (let row = first; row < last; row++) {
    const weight: f32 = <f32>1 / (<f32>1 + exp1(-load<f32>(gate + (<usize>row * ldg << 2))));
    scale_f32(row, row + 1, scratch, y, ldy, width, reinterpret<u32>(weight));
  }
}

/** y[t] = y[t] between -limit and limit. A NaN stays one. */
export function clamp_f32(first: i32, last: i32, scratch: usize, y: usize, ldy: i32, width: i32, limit: u32): void {
  const most = reinterpret<f32>(limit);
  const above = f32x4.splat(most);
  const below = f32x4.splat(-most);
  for (let row = first; row < last; row++) {
    let at = y + (<usize>row * ldy << 2);
    const end = at + (<usize>width << 2);
    for (; at + 16 <= end; at += 16) v128.store(at, f32x4.max(f32x4.min(v128.load(at), above), below));
    for (; at < end; at += 4) store<f32>(at, max(min(load<f32>(at), most), -most));
  }
}
