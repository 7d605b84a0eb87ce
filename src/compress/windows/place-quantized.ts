/** Reads float weights from disk, and places quantised weights in the engine's memory. */

import type { Model } from "../../model/model.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { linearNamed, readWeights } from "../../model/weights/locate.ts";
import { dequantize } from "../../quant/quantization-error.ts";
import { groupOrder } from "../../tensor/group-order.ts";
import { codeRowBytes, layCodes, rowRanges, stagingBytes } from "../../tensor/lay-panels.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { FloatMatrix, Matrix } from "../../tensor/matrix.ts";
import { panelBytes, panelCount } from "../../tensor/panel.ts";
import { type QuantizedMatrix, rowsOfMatrix, sharedZero } from "../../tensor/quantized-matrix.ts";
import type { Machine } from "../../wasm/machine.ts";
import { wholeLines } from "../../wasm/memory/arena.ts";
import type { Region } from "../../wasm/memory/region.ts";

/** Reads the float weights [N, K] of a linear from the checkpoint. */
export function weightReader({ files }: Pick<Model, "files">): (linear: Pick<Linear, "name">) => Promise<Float32Array> {
  return ({ name }) => readWeights(linearNamed(files, name));
}

/**
 * Places a quantised matrix in the engine's memory, in blocks that `to` owns. It is packed if its groups are whole runs of 32 columns,
 * otherwise it is stored as the floats that its codes stand for. Both give the same outputs. `name` is the linear's, for errors.
 */
export function placeQuantized(machine: Machine, to: Region, name: string, matrix: QuantizedMatrix): Matrix {
  const { rows, cols, bits, groups, gIdx } = matrix;
  const groupSize = cols / groups;
  if (groupSize % 32 !== 0) return placeFloats(machine, to, matrix);
  const perm = groupOrder(gIdx, groupSize, name);
  const zero = sharedZero(matrix.zeros);
  const ptr = to.alloc(panelBytes(`w${bits}`, rows, cols, { groupSize, zero }));
  using scratch = machine.arena.region();
  const bench = { machine, staging: scratch.alloc(stagingBytes(rows, codeRowBytes(matrix))) };
  for (const { first, count } of rowRanges(rows, codeRowBytes(matrix)))
    layCodes(bench, ptr, rowsOfMatrix(matrix, first, count), first, { perm, zero });
  const permPtr = perm === undefined ? 0 : to.place(perm);
  return { kind: "packed", bits, groupSize, zero, ptr, rows, cols, permPtr };
}

/** Bytes that `placeQuantized` takes at most for a linear of `bits` bits. */
export function placedBytes({ rows, cols }: Pick<Linear, "rows" | "cols">, bits: Bits, groupSize: number): number {
  const group = groupSize === -1 ? cols : groupSize;
  if (group % 32 !== 0) return wholeLines(panelBytes("f32", rows, cols));
  return wholeLines(panelBytes(`w${bits}`, rows, cols, { groupSize: group })) + wholeLines(4 * cols);
}

function placeFloats(machine: Machine, to: Region, matrix: QuantizedMatrix): FloatMatrix {
  const { rows, cols } = matrix;
  const ptr = to.alloc(panelBytes("f32", rows, cols));
  using scratch = machine.arena.region();
  machine.call("panel_32", panelCount(rows), ptr, scratch.place(dequantize(matrix)), rows, cols, 0, 0);
  return { kind: "float", dtype: "f32", ptr, rows, cols };
}
