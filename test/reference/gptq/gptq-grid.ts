/** Plain twins of assembly/gptq/grid.ts: the published quantiser with the symmetric corner mended, one group at a time. */
import type { GridOptions } from "../../../src/quant/grid.ts";

export interface Grid {
  readonly scale: number;
  readonly zero: number;
}

/** Ties to even, as numpy and the kernels round. */
export function nearestEven(x: number): number {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

/** Nearest f16 to a positive number; never 0 and never infinite. */
export function roundF16(x: number): number {
  let quantum = 2 ** -24;
  while (quantum * 2048 <= x) quantum *= 2;
  return Math.min(Math.max(nearestEven(x / quantum) * quantum, 2 ** -24), 65504);
}

export function quantize(x: number, { scale, zero }: Grid, bits: number): number {
  return Math.min(Math.max(nearestEven(x / scale) + zero, 0), 2 ** bits - 1);
}

/** Options of the reference, which can also leave scales unrounded. */
export type ReferenceGrid = Omit<GridOptions, "scaleRounding"> & { readonly scaleRounding: "f16" | "f32" | "f64" };

function roundScale(exact: number, rounding: ReferenceGrid["scaleRounding"]): number {
  if (rounding === "f64") return exact;
  return rounding === "f16" ? roundF16(exact) : Math.max(Math.fround(exact), 2 ** -149);
}

export function findGrid(x: readonly number[], weights: readonly number[], options: ReferenceGrid): Grid {
  const maxq = 2 ** options.bits - 1;
  let low = Math.min(0, ...x);
  let high = Math.max(0, ...x);
  if (options.symmetric) {
    high = Math.max(-low, high);
    low = -high;
  }
  if (low === 0 && high === 0) [low, high] = [-1, 1];
  const gridAt = (shrink: number): Grid => {
    const scale = roundScale((high * shrink - low * shrink) / maxq, options.scaleRounding);
    const zero = options.symmetric ? (maxq + 1) / 2 : nearestEven((-low * shrink) / scale);
    return { scale, zero: Math.min(Math.max(zero, 0), maxq) };
  };
  if (options.clip === "none") return gridAt(1);
  let best = gridAt(1);
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 80; i++) {
    const grid = gridAt(1 - i / 100);
    let error = 0;
    x.forEach((value, k) => {
      const d = Math.abs(grid.scale * (quantize(value, grid, options.bits) - grid.zero) - value);
      error += options.clip === "mse" ? d ** 2.4 : weights[k] * (d * d);
    });
    if (!(error < least)) continue;
    least = error;
    best = grid;
  }
  return best;
}
