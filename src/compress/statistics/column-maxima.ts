/** Largest magnitude of each column of rows [T, width]; raises `into` where it is given. */
export function columnMaxima(
  rows: Float32Array,
  width: number,
  into: Float32Array = new Float32Array(width),
): Float32Array {
  for (let at = 0; at < rows.length; at += width)
    for (let col = 0; col < width; col++) into[col] = Math.max(into[col], Math.abs(rows[at + col]));
  return into;
}
