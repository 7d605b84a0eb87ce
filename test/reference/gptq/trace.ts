/** Plain twin of trace_f64. */

/** sum over rows of d H d^T for D[n,k]. */
export function traceOf(d: Float64Array, h: Float64Array, n: number, k: number): number {
  let sum = 0;
  for (let row = 0; row < n; row++)
    for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) sum += d[row * k + a] * h[a * k + b] * d[row * k + b];
  return sum;
}
