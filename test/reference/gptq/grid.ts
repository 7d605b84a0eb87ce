/** Random packed matrices for tests: codes, f16 scales, zeros, and their exact values. */
import { gaussians, mulberry32 } from "../../helpers/random.ts";

export interface Grid {
  readonly bits: number;
  readonly n: number;
  readonly k: number;
  readonly groupSize: number;
  readonly codes: Uint8Array; // [N,K]
  readonly scales: Uint16Array; // [N,K/G], f16 bits
  readonly zeros: Uint8Array; // [N,K/G]
}

/** A grid with scales around 0.02, as trained weights have; some codes and zeros are at their ends. */
export function randomGrid(bits: number, n: number, k: number, groupSize: number, seed: number): Grid {
  const random = mulberry32(seed);
  const top = 2 ** bits - 1;
  const draw = () => Math.min(top, Math.floor(random() * (top + 1)));
  return {
    bits,
    n,
    k,
    groupSize,
    codes: Uint8Array.from({ length: n * k }, (_, i) => (i % 97 === 0 ? top : draw())),
    scales: Uint16Array.from({ length: (n * k) / groupSize }, () => 0x2000 + Math.floor(random() * 0x800)),
    zeros: Uint8Array.from({ length: (n * k) / groupSize }, draw),
  };
}

export function gridCodes(grid: Grid, row: number, col: number): number {
  return grid.codes[row * grid.k + col];
}

/** Value of f16 bits. */
export function f16ToNumber(bits: number): number {
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  return sign * (exponent === 0 ? fraction * 2 ** -24 : (1024 + fraction) * 2 ** (exponent - 25));
}

/** The weights [N,K] of a grid: scale * (code - zero), exact. */
export function gridWeights(grid: Grid): Float64Array {
  const groups = grid.k / grid.groupSize;
  return Float64Array.from({ length: grid.n * grid.k }, (_, i) => {
    const group = Math.floor(i / grid.k) * groups + Math.floor((i % grid.k) / grid.groupSize);
    return f16ToNumber(grid.scales[group]) * (grid.codes[i] - grid.zeros[group]);
  });
}

/** Activations with one column in a hundred ten times larger. */
export function activations(rows: number, k: number, seed: number): Float32Array {
  return gaussians(rows * k, seed, 0.01);
}
