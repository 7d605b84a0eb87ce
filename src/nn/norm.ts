/** Records y = x / rms(x) * weight (RMSNorm, Zhang and Sennrich 2019), and the steps of single elements: adding, scaling, limiting. */
import { f32Bits } from "../wasm/constants.ts";
import type { Emit, Rows } from "./emit.ts";

export function rmsNorm(emit: Emit, out: Rows, x: Rows, weight: number, eps: number): void {
  emit.tape.call("rmsnorm_f32", x.rows, 2 * x.cols, out.ptr, out.ld, x.ptr, x.ld, weight, x.cols, f32Bits(eps));
}

/** y += x. */
export function add(emit: Emit, y: Rows, x: Rows): void {
  emit.tape.call("add_f32", y.rows, y.cols, y.ptr, y.ld, x.ptr, x.ld, y.cols);
}

/** Normalises every head of x [T, heads * headDim] by itself, in place; all heads share weight [headDim]. */
export function rmsNormHeads(emit: Emit, x: Rows, weight: number, headDim: number, eps: number): void {
  const heads = x.cols / headDim;
  emit.tape.call("rmsnorm_heads_f32", x.rows, 2 * x.cols, x.ptr, x.ld, weight, heads, headDim, f32Bits(eps));
}

/** y *= factor; records nothing if the factor is 1. */
export function scale(emit: Emit, y: Rows, factor: number): void {
  if (factor !== 1) emit.tape.call("scale_f32", y.rows, y.cols, y.ptr, y.ld, y.cols, f32Bits(factor));
}

/** Limits y to the range from -limit to limit. */
export function clamp(emit: Emit, y: Rows, limit: number): void {
  emit.tape.call("clamp_f32", y.rows, y.cols, y.ptr, y.ld, y.cols, f32Bits(limit));
}
