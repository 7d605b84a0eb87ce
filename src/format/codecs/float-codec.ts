/** The float codec: reads linears from `NAME.weight`, or from rows of a tensor that the experts of a layer share. */

import { floatBytes, floatStaging, layFloats, READ_BYTES, type RowRange, rowRanges } from "../../tensor/lay-panels.ts";
import type { FloatDType } from "../../tensor/matrix.ts";
import { panelBytes } from "../../tensor/panel.ts";
import type { ReadRange } from "../read-ahead.ts";
import { requireShape, requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
import { bankBias, bankRows, bytesOfType } from "./bank-view.ts";
import type { Codec, LaidMatrix, LoadBench, StoredFloat, StoredModule } from "./codec.ts";
import { floatDType, locateBias, notFinite, readFloats, storedVector } from "./float-rows.ts";

export function floatCodec(index: TensorIndex): Codec {
  const inBank = ({ bank }: StoredModule) => bank !== undefined && index.entries.has(bank.tensor);
  return {
    name: "float",
    packs: false,
    holds: (module) => inBank(module) || index.entries.has(`${module.name}.weight`),
    isBank: inBank,
    locate: (module) => storedFloat(index, module, inBank(module)),
  };
}

function ownRows(index: TensorIndex, { name, rows, cols }: StoredModule): TensorEntry {
  const entry = requireTensor(index, `${name}.weight`);
  requireShape(index, entry, [rows, cols]);
  return entry;
}

function storedFloat(index: TensorIndex, module: StoredModule, isBank: boolean): StoredFloat {
  const { name, rows, cols } = module;
  const bytesOf = bytesOfType((entry) => floatDType(index, entry));
  const tensor = isBank ? bankRows(index, module, bytesOf) : ownRows(index, module);
  const dtype = floatDType(index, tensor);
  const rowBytes = floatBytes(dtype) * cols;
  const matrix = { tensor, dtype, rows, cols };
  const bias = isBank ? bankBias(index, module, bytesOf) : undefined;
  return {
    kind: "float",
    dtype,
    tensor,
    memoryBytes: panelBytes(dtype, rows, cols),
    diskBytes: tensor.byteLength,
    tensors: [requireTensor(index, tensor.name)],
    bias: bias === undefined ? locateBias(index, name, rows) : storedVector(index, bias),
    stagingBytes: floatStaging(rows, rowBytes, READ_BYTES),
    readRows: (first, count) => readFloats(tensor, dtype, first * cols, count * cols),
    reads: () => rangesOf(matrix).map((range) => readOf(matrix, range)),
    lay: (bench, address) => layTensor(index, matrix, bench, address),
  };
}

interface FloatRows {
  readonly tensor: TensorEntry;
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly cols: number;
}

function rangesOf({ dtype, rows, cols }: FloatRows): readonly RowRange[] {
  return rowRanges(rows, floatBytes(dtype) * cols, READ_BYTES);
}

function readOf({ tensor, dtype, cols }: FloatRows, { first, count }: RowRange): ReadRange {
  const rowBytes = floatBytes(dtype) * cols;
  return { tensor, start: first * rowBytes, length: count * rowBytes };
}

/** Infinities and NaNs would spread to every logit, and f16 kernels even read them as finite. */
async function layTensor(
  index: TensorIndex,
  matrix: FloatRows,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  for (const range of rangesOf(matrix)) {
    const bytes = await bench.read(readOf(matrix, range));
    bench.machine.arena.u8(bench.staging, bytes.length).set(bytes);
    const bad = layFloats(bench, address, matrix, range);
    if (bad >= 0) throw notFinite(index, matrix.tensor, range.first * matrix.cols + bad);
    await bench.turns.pause();
  }
  return { perm: undefined };
}
