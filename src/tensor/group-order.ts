/** Sorts the columns of a scattered g_idx (act-order) so that groups are contiguous, as packed panels require. */
import { FormatError } from "../base/errors.ts";

/**
 * @returns perm [K]: stored column j is the layer's column perm[j]; undefined if groups are already contiguous.
 * @throws FormatError if a group does not have exactly `groupSize` columns.
 */
export function groupOrder(gIdx: Int32Array, groupSize: number, where: string): Int32Array | undefined {
  if (gIdx.every((group, column) => group === Math.floor(column / groupSize))) return undefined;
  const groups = gIdx.length / groupSize;
  const next = Int32Array.from({ length: groups }, (_, group) => group * groupSize);
  const perm = new Int32Array(gIdx.length);
  for (let column = 0; column < perm.length; column++) perm[next[gIdx[column]]++] = column;
  for (let group = 0; group < groups; group++)
    if (next[group] !== (group + 1) * groupSize)
      throw new FormatError(
        where,
        `found ${next[group] - group * groupSize} columns in group ${group}, expected ${groupSize}`,
      );
  return perm;
}

/** Columns in runs of one size, each with the group to which its columns belong. */
export interface GroupRuns {
  /** As of `groupOrder`. */
  readonly perm: Int32Array | undefined;
  /** [K / run]: the group of each run. */
  readonly groups: Int32Array;
}

/**
 * Divides groups of different sizes, such as those of a row whose last group is short, into runs of `run` columns.
 * @throws FormatError if a group's number of columns is no multiple of `run`.
 */
export function groupRuns(gIdx: Int32Array, run: number, where: string): GroupRuns {
  const order = Int32Array.from(gIdx.keys()).sort((a, b) => gIdx[a] - gIdx[b] || a - b);
  const groups = Int32Array.from({ length: gIdx.length / run }, (_, at) => gIdx[order[at * run]]);
  if (order.some((column, at) => gIdx[column] !== groups[Math.floor(at / run)]))
    throw new FormatError(where, `found groups of other sizes, expected multiples of ${run} columns`);
  return { perm: order.every((column, at) => column === at) ? undefined : order, groups };
}

/** The codes [N, K] with their columns in the order of `perm`. */
export function reorderColumns(codes: Uint8Array, perm: Int32Array): Uint8Array {
  const K = perm.length;
  const sorted = new Uint8Array(codes.length);
  for (let row = 0; row < codes.length; row += K)
    for (let column = 0; column < K; column++) sorted[row + column] = codes[row + perm[column]];
  return sorted;
}
