/** f64 twin of assembly/network/attention.ts: one query head over rows [first, last] of one key/value head. */
export interface Cache {
  readonly keys: ArrayLike<number>;
  readonly values: ArrayLike<number>;
  /** Floats from one row to the next, and where the head begins in a row. */
  readonly stride: number;
  readonly offset: number;
}

export function attend_f32(
  q: ArrayLike<number>,
  cache: Cache,
  first: number,
  last: number,
  scale: number,
): Float64Array {
  const scores: number[] = [];
  for (let row = first; row <= last; row++) {
    let dot = 0;
    for (let i = 0; i < q.length; i++) dot += q[i] * cache.keys[row * cache.stride + cache.offset + i];
    scores.push(dot * scale);
  }
  const most = Math.max(...scores);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, 0);
  const y = new Float64Array(q.length);
  for (let row = first; row <= last; row++)
    for (let i = 0; i < q.length; i++)
      y[i] += (weights[row - first] / sum) * cache.values[row * cache.stride + cache.offset + i];
  return y;
}
