/** Between float weights on disk and packed ones in the engine's memory. */

import type { Model } from "../../model/model.ts";
import { sortByGroup } from "../../model/weights/act-order.ts";
import { packMatrix, readLinear } from "../../model/weights/load-weights.ts";
import type { StoredLinear } from "../../model/weights/locate.ts";
import type { Linear } from "../../model/weights/weight-tree.ts";
import type { PackedMatrix } from "../../tensor/matrix.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { Region } from "../../wasm/memory/region.ts";
import { plainCodes } from "../result/quantized.ts";

/** Reads the float weights [N,K] of a linear as the checkpoint has them. */
export function weightReader(model: Model): (linear: Linear) => Promise<Float32Array> {
  const stored = new Map(model.files.linears.map((linear) => [linear.name, linear]));
  return ({ name }) => readLinear(model.files.index, stored.get(name) as StoredLinear);
}

/** A quantised matrix in the engine's memory, in blocks that `to` owns. */
export function packQuantized(model: Model, to: Region, linear: Linear, matrix: QuantizedMatrix): PackedMatrix {
  const plain = plainCodes(matrix);
  const groupSize = matrix.groupSize === -1 ? matrix.cols : matrix.groupSize;
  const { codes, perm } = sortByGroup({ ...plain, gIdx: matrix.gIdx }, groupSize, linear.name);
  const packed = packMatrix(model.machine, to, { ...plain, codes }, groupSize);
  return { ...packed, permPtr: perm === undefined ? 0 : to.place(perm) };
}
