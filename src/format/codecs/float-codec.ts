/** The float codec: reads linears from `NAME.weight`, or from rows of a tensor that the experts of a layer share. */

import { type Bench, floatBytes, layFloats, type RowRange, rowRanges, stagingBytes } from "../../tensor/lay-panels.ts";
import type { FloatDType } from "../../tensor/matrix.ts";
import { panelBytes } from "../../tensor/panel.ts";
import { readPart, requireShape, requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
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
  const bias = isBank ? bankBias(index, module, bytesOf) : undefined;
  return {
    kind: "float",
    dtype,
    tensor,
    memoryBytes: panelBytes(dtype, rows, cols),
    diskBytes: tensor.byteLength,
    tensors: [requireTensor(index, tensor.name)],
    bias: bias === undefined ? locateBias(index, name, rows) : storedVector(index, bias),
    stagingBytes: stagingBytes(rows, rowBytes),
    readRows: (first, count) => readFloats(tensor, dtype, first * cols, count * cols),
    reads: () => [],
    lay: (bench, address) => layTensor(index, { tensor, dtype, rows, cols }, bench, address),
  };
}

interface FloatRows {
  readonly tensor: TensorEntry;
  readonly dtype: FloatDType;
  readonly rows: number;
  readonly cols: number;
}

async function layTensor(
  index: TensorIndex,
  matrix: FloatRows,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  const { tensor, dtype, rows, cols } = matrix;
  const rowBytes = floatBytes(dtype) * cols;
  const ranges = rowRanges(rows, rowBytes);
  // Rows are not read into the engine's memory directly: it may grow during the read, which would detach a view of it.
  const room = new Uint8Array(ranges[0].count * rowBytes);
  for (const range of ranges) {
    const bytes = room.subarray(0, range.count * rowBytes);
    await readPart(tensor, range.first * rowBytes, bytes);
    bench.machine.arena.u8(bench.staging, bytes.length).set(bytes);
    await requireFinite(index, matrix, bench, range);
    await layFloats(bench, address, matrix, range);
  }
  return { perm: undefined };
}

/** Elements to check before yielding to other jobs, which takes a few milliseconds. */
const CHECKED_AT_ONCE = 1 << 21;

/** Infinities and NaNs would spread to every logit, and f16 kernels even read them as finite. */
async function requireFinite(
  index: TensorIndex,
  { tensor, dtype, cols }: FloatRows,
  { machine, turns, staging }: Bench,
  { first, count }: RowRange,
): Promise<void> {
  const exponent = dtype === "f32" ? 0x7f800000 : dtype === "f16" ? 0x7c00 : 0x7f80;
  const total = count * cols;
  for (let start = 0; start < total; start += CHECKED_AT_ONCE) {
    const words = dtype === "f32" ? machine.arena.u32(staging, total) : machine.arena.u16(staging, total);
    const end = Math.min(total, start + CHECKED_AT_ONCE);
    for (let i = start; i < end; i++)
      if ((words[i] & exponent) === exponent) throw notFinite(index, tensor, first * cols + i);
    await turns.pause();
  }
}
