/** Between float weights on disk and packed ones in the engine's memory. */

import type { Model } from "../../model/model.ts";
import { readWeights, type StoredLinear } from "../../model/weights/locate.ts";
import type { Linear } from "../../model/weights/weight-tree.ts";
import { groupOrder } from "../../tensor/group-order.ts";
import { codeRowBytes, layCodes, rowRanges, stagingBytes } from "../../tensor/lay-panels.ts";
import type { PackedMatrix } from "../../tensor/matrix.ts";
import { panelBytes } from "../../tensor/panel.ts";
import { type QuantizedMatrix, rowsOfMatrix } from "../../tensor/quantized-matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { Region } from "../../wasm/memory/region.ts";

/** Reads the float weights [N,K] of a linear as the checkpoint has them. */
export function weightReader({ files }: Model): (linear: Pick<Linear, "name">) => Promise<Float32Array> {
  const stored = new Map(files.linears.map((linear) => [linear.name, linear]));
  return ({ name }) => readWeights(stored.get(name) as StoredLinear);
}

/** A quantised matrix in the engine's memory, in blocks that `to` owns; `name` is the linear's, for errors. */
export function packQuantized(machine: Machine, to: Region, name: string, matrix: QuantizedMatrix): PackedMatrix {
  const { rows, cols, bits, groups, gIdx } = matrix;
  const groupSize = cols / groups;
  const perm = groupOrder(gIdx, groupSize, name);
  const ptr = to.alloc(panelBytes(`w${bits}`, rows, cols, groupSize));
  using scratch = machine.arena.region();
  const bench = { machine, staging: scratch.alloc(stagingBytes(rows, codeRowBytes(matrix))) };
  for (const { first, count } of rowRanges(rows, codeRowBytes(matrix)))
    layCodes(bench, ptr, rowsOfMatrix(matrix, first, count), first, perm);
  return { kind: "packed", bits, groupSize, ptr, rows, cols, permPtr: perm === undefined ? 0 : to.place(perm) };
}
