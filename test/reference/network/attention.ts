/** f64 twin of assembly/network/attention.ts: one query head over rows [first, last] of one key/value head. */
export interface Cache {
  readonly keys: HeadRows;
  readonly values: HeadRows;
  readonly valueWidth: number;
}

/** Rows of all heads: floats from one row to the next, and where the head begins in a row. */
export interface HeadRows {
  readonly data: ArrayLike<number>;
  readonly stride: number;
  readonly offset: number;
}

/** @param sink score that takes part in the softmax and whose value is zero. */
export function attend_f32(
  q: ArrayLike<number>,
  { keys, values, valueWidth }: Cache,
  first: number,
  last: number,
  scale: number,
  sink?: number,
): Float64Array {
  const scores: number[] = [];
  for (let row = first; row <= last; row++) {
    let dot = 0;
    for (let i = 0; i < q.length; i++) dot += q[i] * keys.data[row * keys.stride + keys.offset + i];
    scores.push(dot * scale);
  }
  const most = Math.max(...scores, sink ?? Number.NEGATIVE_INFINITY);
  const weights = scores.map((score) => Math.exp(score - most));
  const sum = weights.reduce((a, b) => a + b, sink === undefined ? 0 : Math.exp(sink - most));
  const y = new Float64Array(valueWidth);
  for (let row = first; row <= last; row++)
    for (let i = 0; i < valueWidth; i++)
      y[i] += (weights[row - first] / sum) * values.data[row * values.stride + values.offset + i];
  return y;
}
