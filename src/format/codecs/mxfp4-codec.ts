/**
 * The codec of gpt-oss: reads experts from the tensors NAME_blocks [experts, rows, blocks, 16] and NAME_scales [experts, rows, blocks], whose
 * bytes hold two codes each, the lower half first. In memory they are 8-bit codes in groups of 32, with the same values.
 */

import { UnsupportedError } from "../../base/errors.ts";
import { codeRowBytes, layCodes, rowRanges, stagingBytes } from "../../tensor/lay-panels.ts";
import { panelBytes } from "../../tensor/panel.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { readPart, requireSpec, requireTensor, type TensorEntry, type TensorIndex } from "../tensor-index.ts";
import { bankBias, bytesOfType } from "./bank-view.ts";
import type { BankPlace, Codec, LaidMatrix, LoadBench, StoredCodes, StoredModule } from "./codec.ts";
import { floatDType, storedVector } from "./float-rows.ts";
import { MXFP4_BLOCK, MXFP4_CODES, MXFP4_ZERO, mxfp4Scale } from "./mxfp4-blocks.ts";

export function mxfp4Codec(index: TensorIndex): Codec {
  const holds = ({ bank }: StoredModule) => bank !== undefined && index.entries.has(`${bank.tensor}_blocks`);
  return { name: "MXFP4", packs: true, holds, isBank: holds, locate: (module) => storedBlocks(index, module) };
}

/** A module and the two tensors of its layer's experts. */
interface BlockPlace {
  readonly module: StoredModule & { readonly bank: BankPlace };
  readonly blocks: TensorEntry;
  readonly scales: TensorEntry;
  readonly where: string;
}

function storedBlocks(index: TensorIndex, module: StoredModule): StoredCodes {
  const { rows, cols } = module;
  const located = locateBlocks(index, module);
  const { blocks, scales } = located;
  const groups = cols / MXFP4_BLOCK;
  const bias = bankBias(
    index,
    module,
    bytesOfType((entry) => floatDType(index, entry)),
  );
  return {
    kind: "packed",
    bits: 8,
    groupSize: MXFP4_BLOCK,
    zero: MXFP4_ZERO,
    isFloatFormat: true,
    fileType: { name: "MXFP4", bits: 4 },
    memoryBytes: panelBytes("w8", rows, cols, { groupSize: MXFP4_BLOCK, zero: MXFP4_ZERO }),
    diskBytes: rows * groups * 17,
    tensors: [blocks, scales],
    bias: bias === undefined ? undefined : storedVector(index, bias),
    stagingBytes: stagingBytes(rows, codeRowBytes({ cols, groups })),
    read: () => readRows(located, 0, rows),
    reads: () => [],
    lay: (bench, address) => layBlocks(located, bench, address),
  };
}

function locateBlocks(index: TensorIndex, module: StoredModule): BlockPlace {
  const bank = module.bank as BankPlace;
  const { tensor, blockRows } = bank;
  const where = `${index.name}: ${tensor}`;
  const groups = module.cols / MXFP4_BLOCK;
  if (!Number.isInteger(groups))
    throw new UnsupportedError(where, `${module.cols} columns`, [`a multiple of ${MXFP4_BLOCK} for MXFP4`]);
  const experts = requireTensor(index, `${tensor}_blocks`).shape[0];
  const shape = [experts, blockRows, groups];
  const blocks = requireSpec(index, { name: `${tensor}_blocks`, dtype: "U8", shape: [...shape, 16] });
  const scales = requireSpec(index, { name: `${tensor}_scales`, dtype: "U8", shape });
  if (bank.expert >= experts) throw new UnsupportedError(where, `${experts} experts`, [`more than ${bank.expert}`]);
  return { module: { ...module, bank }, blocks, scales, where };
}

async function layBlocks(located: BlockPlace, bench: LoadBench, address: number): Promise<LaidMatrix> {
  const { rows, cols } = located.module;
  for (const { first, count } of rowRanges(rows, codeRowBytes({ cols, groups: cols / MXFP4_BLOCK }))) {
    layCodes(bench, address, await readRows(located, first, count), first, { zero: MXFP4_ZERO });
    await bench.turns.pause();
  }
  return { perm: undefined };
}

/** Rows [first, first + count) as integer codes. */
async function readRows(
  { module, blocks, scales, where }: BlockPlace,
  first: number,
  count: number,
): Promise<QuantizedMatrix> {
  const { cols, bank } = module;
  const { expert, blockRows, firstRow, rowStep = 1 } = bank;
  const groups = cols / MXFP4_BLOCK;
  const span = (count - 1) * rowStep + 1;
  const from = expert * blockRows + firstRow + first * rowStep;
  const [halves, exponents] = [new Uint8Array(span * groups * 16), new Uint8Array(span * groups)];
  await readPart(blocks, from * groups * 16, halves);
  await readPart(scales, from * groups, exponents);
  const codes = new Uint8Array(count * cols);
  const factors = new Float32Array(count * groups);
  for (let block = 0; block < count * groups; block++) {
    const row = Math.floor(block / groups);
    const at = row * rowStep * groups + (block % groups);
    let used = 0;
    for (let i = 0; i < 16; i++) {
      const byte = halves[at * 16 + i];
      used |= byte & 0x77;
      codes[block * MXFP4_BLOCK + 2 * i] = MXFP4_CODES[byte & 15];
      codes[block * MXFP4_BLOCK + 2 * i + 1] = MXFP4_CODES[byte >> 4];
    }
    factors[block] = mxfp4Scale(exponents[at], used === 0, where);
  }
  const zeros = new Uint8Array(count * groups).fill(MXFP4_ZERO);
  const order = { gIdx: naturalGroups(cols, MXFP4_BLOCK), perm: naturalOrder(cols) };
  return { rows: count, cols, bits: 8, groupSize: MXFP4_BLOCK, groups, codes, scales: factors, zeros, ...order };
}
