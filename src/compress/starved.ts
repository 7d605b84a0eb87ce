/**
 * Experts that calibration hardly reached. Their own Hessian would be of low rank: GPTQ would fit the few tokens and spoil the
 * rest. Below a quarter of the columns, gate and up blend with the Hessian of all tokens of the layer (the same for every
 * expert, so nearly free); down, whose inputs only the expert's own tokens have, is rounded. Nothing is skipped or zeroed.
 */

/** Tokens below which a linear of so many input columns counts as starved. */
export function starvedBelow(cols: number): number {
  return Math.ceil(cols / 4);
}

/** Share of the all-token Hessian in a starved expert's: 1 without tokens, 0 at the threshold. */
export function blendWeight(tokens: number, cols: number): number {
  return Math.max(0, 1 - tokens / starvedBelow(cols));
}

export interface StarvedExpert {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
  /** What was done: its gate and up, its down projection. */
  readonly remedy: "blended" | "rounded" | "blended, down rounded";
}
