/** GPTQ by the book in f64: explicit inverse, one column at a time, every error pushed at once. Slow on purpose. */
import type { GptqOptions } from "../../../src/quant/gptq.ts";
import { upperFactor } from "../hessian/cholesky.ts";
import { findGrid, type Grid, quantize, type ReferenceGrid } from "./gptq-grid.ts";

export interface Expected {
  readonly codes: Uint8Array;
  readonly scales: Float32Array;
  readonly zeros: Uint8Array;
  readonly gIdx: Int32Array;
  readonly perm: Int32Array;
  readonly rowLoss: Float64Array;
  readonly lambda: number;
}

type Rows = readonly (readonly number[])[];
const range = (count: number) => Array.from({ length: count }, (_, i) => i);

/** H = 2/T X^T X. */
export function hessianOf(x: Float32Array | Float64Array, tokens: number, k: number): Float64Array {
  const h = new Float64Array(k * k);
  for (let t = 0; t < tokens; t++)
    for (let a = 0; a < k; a++) for (let b = 0; b < k; b++) h[a * k + b] += x[t * k + a] * x[t * k + b];
  return h.map((value) => (value * 2) / tokens);
}

export function orderOf(diagonal: readonly number[], actOrder: string, groupSize: number): number[] {
  const k = diagonal.length;
  const sorted = (columns: number[]) => columns.sort((a, b) => diagonal[b] - diagonal[a] || a - b);
  if (actOrder === "none") return range(k);
  if (actOrder === "desc" || groupSize === -1) return sorted(range(k));
  const full = Math.floor(k / groupSize);
  const groups = range(full).map((g) => sorted(range(groupSize).map((i) => g * groupSize + i)));
  // Ties between groups go to the earlier group, whichever column leads it.
  groups.sort((a, b) => diagonal[b[0]] - diagonal[a[0]] || Math.floor(a[0] / groupSize) - Math.floor(b[0] / groupSize));
  return [...groups.flat(), ...range(k).slice(full * groupSize)];
}

/** Quantises w[n,k]; `factorOf` gives R for the damped Hessian in processing order (default: the textbook's). */
export function gptqReference(
  w: Float32Array | Float64Array,
  h: Float64Array,
  n: number,
  k: number,
  options: Omit<GptqOptions, keyof ReferenceGrid> & ReferenceGrid,
  factorOf: (damped: Float64Array, k: number) => Float64Array | undefined = upperFactor,
): Expected {
  const raw = range(k).map((i) => h[i * k + i]);
  const diagonal = raw.map((value) => (value === 0 ? 1 : value));
  const lambda = (options.dampPercent * diagonal.reduce((a, b) => a + b, 0)) / k;
  const perm = orderOf(diagonal, options.actOrder, options.groupSize);
  const damped = new Float64Array(k * k);
  perm.forEach((a, i) => {
    perm.forEach((b, j) => {
      damped[i * k + j] = a === b ? diagonal[a] + lambda : h[a * k + b];
    });
  });
  const r = factorOf(damped, k);
  if (r === undefined) throw new Error("reference: not positive definite");
  const size = options.groupSize === -1 ? k : options.groupSize;
  const before: Rows = range(n).map((row) => [...w.subarray(row * k, (row + 1) * k)]);
  const zero = options.deadColumns === "zero";
  const after: Rows = before.map((row) => row.map((value, col) => (zero && raw[col] === 0 ? 0 : value)));
  const dynamic = options.groupSize !== -1 && !options.staticGroups;
  const scattered = dynamic && options.actOrder === "desc";
  const gIdx = new Int32Array(k);
  perm.forEach((col, place) => {
    gIdx[col] = Math.floor((scattered ? place : col) / size);
  });
  const groups = Math.ceil(k / size);
  const out = {
    codes: new Uint8Array(n * k),
    scales: new Float32Array(n * groups),
    zeros: new Uint8Array(n * groups),
    ...{ gIdx, perm: Int32Array.from(perm), rowLoss: new Float64Array(n), lambda },
  };
  for (let row = 0; row < n; row++) {
    const grids: (Grid | undefined)[] = range(groups).map((g) => {
      if (dynamic) return undefined;
      const columns = range(k).filter((col) => gIdx[col] === g);
      const source = options.groupSize === -1 ? before : after;
      return findGrid(
        columns.map((col) => source[row][col]),
        columns.map((col) => diagonal[col]),
        options,
      );
    });
    const x = perm.map((col) => after[row][col]);
    for (let i = 0; i < k; i++) {
      const group = gIdx[perm[i]];
      if (grids[group] === undefined) {
        const places = range(k).filter((place) => gIdx[perm[place]] === group);
        grids[group] = findGrid(
          places.map((place) => x[place]),
          places.map((place) => diagonal[perm[place]]),
          options,
        );
      }
      const grid = grids[group];
      const q = quantize(x[i], grid, options.bits);
      const error = (x[i] - grid.scale * (q - grid.zero)) / r[i * k + i];
      for (let j = i + 1; j < k; j++) x[j] -= error * r[i * k + j];
      out.codes[row * k + perm[i]] = q;
      out.rowLoss[row] += error * error;
    }
    out.rowLoss[row] /= 2;
    grids.forEach((grid, g) => {
      out.scales[row * groups + g] = grid?.scale ?? Number.NaN;
      out.zeros[row * groups + g] = grid?.zero ?? 0;
    });
  }
  return out;
}
