/** f64 twins of assembly/network/rope.ts: the token's heads, with cosines and sines of its position. */
export function rope_f32(
  x: ArrayLike<number>,
  cos: ArrayLike<number>,
  sin: ArrayLike<number>,
  heads: number,
  headDim: number,
  rotaryDim: number,
): Float64Array {
  const y = Float64Array.from(x);
  const half = rotaryDim / 2;
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < half; i++) {
      const a = x[head * headDim + i];
      const b = x[head * headDim + half + i];
      y[head * headDim + i] = a * cos[i] - b * sin[i];
      y[head * headDim + half + i] = b * cos[i] + a * sin[i];
    }
  return y;
}

export function rope_pairs_f32(
  x: ArrayLike<number>,
  cos: ArrayLike<number>,
  sin: ArrayLike<number>,
  heads: number,
  headDim: number,
  rotaryDim: number,
): Float64Array {
  const y = Float64Array.from(x);
  for (let head = 0; head < heads; head++)
    for (let i = 0; i < rotaryDim / 2; i++) {
      const at = head * headDim + 2 * i;
      y[at] = x[at] * cos[i] - x[at + 1] * sin[i];
      y[at + 1] = x[at + 1] * cos[i] + x[at] * sin[i];
    }
  return y;
}
