/** Records y = x / rms(x) * weight (RMSNorm, Zhang and Sennrich 2019), and the residual add. */
import { f32Bits } from "../wasm/constants.ts";
import type { Emit, Rows } from "./emit.ts";

export function rmsNorm(emit: Emit, out: Rows, x: Rows, weight: number, eps: number): void {
  emit.tape.call("rmsnorm_f32", x.rows, 2 * x.cols, out.ptr, out.ld, x.ptr, x.ld, weight, x.cols, f32Bits(eps));
}

/** y += x. */
export function add(emit: Emit, y: Rows, x: Rows): void {
  emit.tape.call("add_f32", y.rows, y.cols, y.ptr, y.ld, x.ptr, x.ld, y.cols);
}
