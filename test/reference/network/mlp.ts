/** f64 twins of assembly/network/mlp.ts. */
export function swiglu_f32(gate: ArrayLike<number>, up: ArrayLike<number>): Float64Array {
  return Float64Array.from(gate, (g, i) => (g / (1 + Math.exp(-g))) * up[i]);
}

export function swiglu_clamped_f32(
  gate: ArrayLike<number>,
  up: ArrayLike<number>,
  alpha: number,
  limit: number,
): Float64Array {
  return Float64Array.from(gate, (value, i) => {
    const g = Math.min(value, limit);
    const u = Math.max(Math.min(up[i], limit), -limit);
    return (u + 1) * (g / (1 + Math.exp(-alpha * g)));
  });
}

/** One row, times the sigmoid of its gate. */
export function sigmoid_scale_f32(y: ArrayLike<number>, gate: number): Float64Array {
  return Float64Array.from(y, (value) => value / (1 + Math.exp(-gate)));
}

export function clamp_f32(y: ArrayLike<number>, limit: number): Float64Array {
  return Float64Array.from(y, (value) => Math.min(Math.max(value, -limit), limit));
}
