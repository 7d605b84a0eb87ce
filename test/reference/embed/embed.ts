/** Naive embedding from a grid: rows of scale * (code - zero), exact. */
import { f16ToNumber, type Grid } from "../gptq/grid.ts";

/** f32 [ids, K]; stored column j is column perm[j] of the result. */
export function embedCodes(grid: Grid, ids: ArrayLike<number>, perm?: ArrayLike<number>): Float32Array {
  const { k, groupSize, codes, scales, zeros } = grid;
  const rows = new Float32Array(ids.length * k);
  for (let t = 0; t < ids.length; t++)
    for (let col = 0; col < k; col++) {
      const group = (ids[t] * k) / groupSize + Math.floor(col / groupSize);
      const value = f16ToNumber(scales[group]) * (codes[ids[t] * k + col] - zeros[group]);
      rows[t * k + (perm?.[col] ?? col)] = value;
    }
  return rows;
}
