/** Naive matmuls: exact integers with the epilogue in f32, f64 sums, and the written float order. */

import { f16ToNumber, type Grid } from "../gptq/grid.ts";
import type { RoundedRow } from "./activations.ts";

const { fround } = Math;

/** One row times a packed matrix, with the integer epilogue of docs/kernels.md; equal to the kernels bit for bit. */
export function matmulCodes(grid: Grid, row: RoundedRow, actGroup: number): Float32Array {
  const { n, k, groupSize } = grid;
  const groups = k / groupSize;
  const y = new Float32Array(n);
  for (let out = 0; out < n; out++) {
    for (let g = 0; g * actGroup < k; g++) {
      const end = Math.min(k, (g + 1) * actGroup);
      let dot = 0;
      for (let col = g * actGroup; col < end; col++) dot += grid.codes[out * k + col] * row.codes[col];
      const group = out * groups + Math.floor((g * actGroup) / groupSize);
      const value = fround(dot - grid.zeros[group] * row.sums[g]);
      const scale = fround(f16ToNumber(grid.scales[group]) * row.scales[g]);
      y[out] = fround(y[out] + fround(value * scale));
    }
  }
  return y;
}

/** x[T,K] · w[N,K]ᵀ in f64. */
export function matmul(x: ArrayLike<number>, w: ArrayLike<number>, rows: number, n: number, k: number): Float64Array {
  const y = new Float64Array(rows * n);
  for (let t = 0; t < rows; t++)
    for (let out = 0; out < n; out++) {
      let sum = 0;
      for (let col = 0; col < k; col++) sum += x[t * k + col] * w[out * k + col];
      y[t * n + out] = sum;
    }
  return y;
}

/** The same in the written order of f32 sums: chunks of 32 columns, each from zero; equal to the kernels bit for bit. */
export function matmulOrdered(
  x: ArrayLike<number>,
  w: ArrayLike<number>,
  rows: number,
  n: number,
  k: number,
): Float32Array {
  const y = new Float32Array(rows * n);
  for (let t = 0; t < rows; t++)
    for (let out = 0; out < n; out++)
      for (let chunk = 0; chunk < k; chunk += 32) {
        let sum = 0;
        for (let col = chunk; col < Math.min(k, chunk + 32); col++)
          sum = fround(sum + fround(x[t * k + col] * w[out * k + col]));
        y[t * n + out] = fround(y[t * n + out] + sum);
      }
  return y;
}
