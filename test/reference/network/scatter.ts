/** Naive twins of assembly/network/scatter.ts. */
export interface Grouping {
  readonly spans: [start: number, count: number][];
  readonly index: number[];
  readonly place: number[];
}

export function group_tokens(chosen: readonly number[], topK: number, experts: number): Grouping {
  const index: number[] = [];
  const place: number[] = new Array(chosen.length);
  const spans: [number, number][] = [];
  for (let expert = 0; expert < experts; expert++) {
    const start = index.length;
    chosen.forEach((e, i) => {
      if (e === expert) place[i] = index.push(Math.floor(i / topK)) - 1;
    });
    spans.push([start, index.length - start]);
  }
  return { spans, index, place };
}

/** One column of one token: the weighted sum of its experts' rows. */
export function combine_f32(
  y: ArrayLike<number>,
  ldy: number,
  weights: ArrayLike<number>,
  place: ArrayLike<number>,
  topK: number,
  token: number,
  column: number,
): number {
  let sum = 0;
  for (let slot = 0; slot < topK; slot++)
    sum += weights[token * topK + slot] * y[place[token * topK + slot] * ldy + column];
  return sum;
}
