/** f64 twins of assembly/predictor/relu-dot.ts: x is [rows, columns] without padding. */
export function relu_dot_f32(x: ArrayLike<number>, w: ArrayLike<number>): Float64Array {
  const y = new Float64Array(x.length / w.length);
  for (let at = 0; at < x.length; at++) y[Math.floor(at / w.length)] += Math.max(x[at], 0) * w[at % w.length];
  return y;
}

/** Slopes in the order of x, not in panels. */
export function relu_slopes_f32(
  y: ArrayLike<number>,
  x: ArrayLike<number>,
  w: ArrayLike<number>,
): { slopes: Float64Array; gradient: Float64Array } {
  const slopes = new Float64Array(x.length);
  const gradient = new Float64Array(w.length);
  for (let at = 0; at < x.length; at++) {
    if (!(x[at] > 0)) continue;
    const slope = y[Math.floor(at / w.length)];
    slopes[at] = slope * w[at % w.length];
    gradient[at % w.length] += slope * x[at];
  }
  return { slopes, gradient };
}
