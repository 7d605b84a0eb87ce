/** f64 twin of assembly/network/short-conv.ts: one column of one sequence. */

/** @param gated b * x at each position up to the token's own. @param weight of each tap, that of the token's own position last. */
export function short_conv_f32(gated: readonly number[], weight: readonly number[], bias: number, c: number): number {
  let sum = bias;
  weight.forEach((w, tap) => {
    sum += w * (gated[gated.length - weight.length + tap] ?? 0);
  });
  return c * sum;
}
