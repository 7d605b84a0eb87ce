/** Plain twins of assembly/hessian/gram.ts in f64. */

/** X^T X as a square [k, k] of rows index[i] (or i) of x. */
export function gram(x: Float32Array, index: Int32Array | undefined, ldx: number, t: number, k: number): Float64Array {
  const h = new Float64Array(k * k);
  for (let i = 0; i < t; i++) {
    const row = (index?.[i] ?? i) * ldx;
    for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) h[a * k + b] += x[row + a] * x[row + b];
  }
  return h;
}

/** Element (row, col), col <= row, of the packed lower triangle that the kernels write. */
export function packedAt(h: Float64Array, row: number, col: number): number {
  const panel = Math.floor(row / 8);
  let start = 0;
  for (let p = 0; p < panel; p++) start += 8 * 8 * (p + 1);
  return h[start + (row % 8) * 8 * (panel + 1) + col];
}
