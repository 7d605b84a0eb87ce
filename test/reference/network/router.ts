/** f64 twins of assembly/network/router.ts and router-scores.ts: one token. */
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

/** How experts are scored, chosen and weighted. */
export interface Scoring {
  readonly sigmoid: boolean;
  /** Added to the scores for the choice only. */
  readonly bias?: ArrayLike<number>;
  readonly groups: number;
  readonly topGroups: number;
  /** Number of a group's best experts whose scores are added up to the group's value. */
  readonly groupBest: number;
  readonly renormalize: boolean;
  readonly epsilon: number;
  readonly scale: number;
}

export function route_scored_f32(logits: readonly number[], topK: number, how: Scoring): Route {
  const most = Math.max(...logits);
  const total = logits.reduce((sum, logit) => sum + Math.exp(logit - most), 0);
  const scores = logits.map((logit) => (how.sigmoid ? 1 / (1 + Math.exp(-logit)) : Math.exp(logit - most) / total));
  const values = scores.map((score, e) => score + (how.bias?.[e] ?? 0));
  const size = logits.length / how.groups;
  const best = (list: readonly number[], value: (i: number) => number, count: number) =>
    [...list].sort((a, b) => value(b) - value(a) || a - b).slice(0, count);
  const members = Array.from({ length: how.groups }, (_, g) => Array.from({ length: size }, (_, i) => g * size + i));
  const worth = members.map((list) => best(list, (e) => values[e], how.groupBest).reduce((a, e) => a + values[e], 0));
  const kept = best([...worth.keys()], (g) => worth[g], how.topGroups).flatMap((g) => members[g]);
  const chosen = best(
    best(kept, (e) => values[e], topK),
    (e) => scores[e],
    topK,
  );
  const sum = chosen.reduce((a, e) => a + scores[e], 0);
  const divisor = how.renormalize ? sum + how.epsilon : 1;
  return { experts: chosen, weights: chosen.map((e) => (scores[e] / divisor) * how.scale) };
}
