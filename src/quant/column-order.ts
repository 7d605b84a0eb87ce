/** Determines the order in which GPTQ processes columns, and the group of each column. */
import { UsageError } from "../base/errors.ts";
import { naturalGroups, naturalOrder } from "../tensor/quantized-matrix.ts";

/**
 * `none`: natural order. `desc`: by the Hessian's diagonal, largest first. `gar` (group-aware, arXiv:2505.14638): largest first within
 * each group, and groups by their largest diagonal, so that groups stay consecutive columns in the file.
 */
export type ActOrder = "none" | "desc" | "gar";

/** Sorts in descending order. On ties, the lower index comes first. */
function descending(indices: Int32Array, key: (index: number) => number): Int32Array {
  return indices.slice().sort((a, b) => key(b) - key(a) || a - b);
}

/** perm[i] is the column processed in place i. With `gar`, columns after the last full group keep their places. */
export function columnOrder(diagonal: Float64Array, actOrder: ActOrder, groupSize: number): Int32Array {
  const natural = naturalOrder(diagonal.length);
  const byDiagonal = (indices: Int32Array) => descending(indices, (col) => diagonal[col]);
  if (actOrder === "none") return natural;
  if (actOrder === "desc" || (actOrder === "gar" && groupSize === -1)) return byDiagonal(natural);
  if (actOrder !== "gar") throw new UsageError("actOrder", String(actOrder), "none, desc or gar");
  const full = Math.floor(diagonal.length / groupSize);
  const groups = Array.from({ length: full }, (_, group) =>
    byDiagonal(natural.subarray(group * groupSize, (group + 1) * groupSize)),
  );
  const order = descending(naturalOrder(full), (group) => diagonal[groups[group][0]]);
  const perm = new Int32Array(diagonal.length);
  order.forEach((group, place) => {
    perm.set(groups[group], place * groupSize);
  });
  perm.set(natural.subarray(full * groupSize), full * groupSize);
  return perm;
}

/** Group of each column: consecutive columns, or consecutive places in the order (dynamic groups under `desc`). */
export function columnGroups(perm: Int32Array, groupSize: number, scattered: boolean): Int32Array {
  const natural = naturalGroups(perm.length, groupSize);
  if (!scattered) return natural;
  const gIdx = new Int32Array(perm.length);
  perm.forEach((col, place) => {
    gIdx[col] = natural[place];
  });
  return gIdx;
}
