/** f64 twin of assembly/network/router.ts: one token. */
export interface Route {
  readonly experts: number[];
  readonly weights: number[];
}

export function route_f32(logits: readonly number[], topK: number, renormalize: boolean, scale: number): Route {
  const experts = logits.map((_, e) => e).sort((a, b) => logits[b] - logits[a] || a - b);
  const most = logits[experts[0]];
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  const chosen = experts.slice(0, topK);
  const weights = chosen.map((e) => Math.exp(logits[e] - most) / total);
  const divisor = renormalize ? weights.reduce((a, b) => a + b, 0) : 1;
  return { experts: chosen, weights: weights.map((w) => (w / divisor) * scale) };
}
