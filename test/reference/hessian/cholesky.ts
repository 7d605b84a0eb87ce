/** Plain twins of assembly/hessian/cholesky.ts: the textbook way, inverse first. */

/** Lower L with a = L L^T, or undefined where a pivot is not positive. */
export function cholesky(a: Float64Array, n: number): Float64Array | undefined {
  const l = new Float64Array(n * n);
  for (let i = 0; i < n; i++)
    for (let j = 0; j <= i; j++) {
      let sum = a[i * n + j];
      for (let k = 0; k < j; k++) sum -= l[i * n + k] * l[j * n + k];
      if (i !== j) l[i * n + j] = sum / l[j * n + j];
      else if (!(sum > 0)) return undefined;
      else l[i * n + i] = Math.sqrt(sum);
    }
  return l;
}

/** a^-1 from its Cholesky factor: one column at a time. */
export function inverse(l: Float64Array, n: number): Float64Array {
  const inv = new Float64Array(n * n);
  const y = new Float64Array(n);
  for (let col = 0; col < n; col++) {
    for (let i = 0; i < n; i++) {
      let sum = i === col ? 1 : 0;
      for (let k = 0; k < i; k++) sum -= l[i * n + k] * y[k];
      y[i] = sum / l[i * n + i];
    }
    for (let i = n - 1; i >= 0; i--) {
      let sum = y[i];
      for (let k = i + 1; k < n; k++) sum -= l[k * n + i] * inv[k * n + col];
      inv[i * n + col] = sum / l[i * n + i];
    }
  }
  return inv;
}

/** R upper with R^T R = a^-1: what GPTQ calls chol(inv(H), upper). */
export function upperFactor(a: Float64Array, n: number): Float64Array | undefined {
  const l = cholesky(a, n);
  const lower = l === undefined ? undefined : cholesky(inverse(l, n), n);
  if (lower === undefined) return undefined;
  const upper = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) upper[j * n + i] = lower[i * n + j];
  return upper;
}

/** R as a square from the packed panels of 4 columns that the kernels write. */
export function unpackFactor(panels: Float64Array, n: number): Float64Array {
  const r = new Float64Array(n * n);
  let start = 0;
  for (let p = 0; 4 * p < n; p++) {
    for (let row = 0; row < 4 * p + 4; row++)
      for (let c = 0; c < 4; c++)
        if (4 * p + c < n && row <= 4 * p + c) r[row * n + 4 * p + c] = panels[start + row * 4 + c];
    start += (4 * p + 4) * 4;
  }
  return r;
}
