/** Columns of a scattered g_idx (act-order) sorted so that groups are contiguous, as the packed panels want them. */
import { FormatError } from "../../base/errors.ts";

export interface GroupedCodes {
  readonly N: number;
  readonly K: number;
  readonly G: number;
  readonly codes: Uint8Array;
  readonly gIdx: Int32Array;
}

/**
 * @returns the codes with columns sorted by group, and `perm` (stored column j is column perm[j]) unless they already were.
 * @throws FormatError where a group does not have exactly `groupSize` columns.
 */
export function sortByGroup(
  matrix: GroupedCodes,
  groupSize: number,
  where: string,
): { codes: Uint8Array; perm: Int32Array | undefined } {
  const { N, K, G, codes, gIdx } = matrix;
  if (gIdx.every((group, column) => group === Math.floor(column / groupSize))) return { codes, perm: undefined };
  const next = Int32Array.from({ length: G }, (_, group) => group * groupSize);
  const perm = new Int32Array(K);
  for (let column = 0; column < K; column++) perm[next[gIdx[column]]++] = column;
  for (let group = 0; group < G; group++)
    if (next[group] !== (group + 1) * groupSize)
      throw new FormatError(
        where,
        `found ${next[group] - group * groupSize} columns in group ${group}, expected ${groupSize}`,
      );
  const sorted = new Uint8Array(codes.length);
  for (let row = 0; row < N; row++)
    for (let column = 0; column < K; column++) sorted[row * K + column] = codes[row * K + perm[column]];
  return { codes: sorted, perm };
}
