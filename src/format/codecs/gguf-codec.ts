/** The codecs of GGUF's quantised types: panels of codes where those hold the exact weights, and floats otherwise. */

import {
  blockRowBytes,
  codeRowBytes,
  floatStaging,
  layCodes,
  layFloats,
  rowRanges,
  stagingBytes,
} from "../../tensor/lay-panels.ts";
import type { BlockForm } from "../../tensor/matrix.ts";
import { blockPanelBytes, panelBytes } from "../../tensor/panel.ts";
import type { GgufEntry, GgufIndex } from "../gguf/gguf-header.ts";
import type { GgufType } from "../gguf/gguf-types.ts";
import { requireShape } from "../tensor-index.ts";
import type { Codec, LaidMatrix, LoadBench, StoredBlocks, StoredCodes, StoredFloat, StoredModule } from "./codec.ts";
import { locateBias } from "./float-rows.ts";
import { ggufReads, ggufStaging, layGgufBlocks, layGgufCodes } from "./gguf-panels.ts";
import { type CodeForm, type Located, readCodes, readSmallFloats, readValues } from "./gguf-rows.ts";
import { MXFP4_ZERO } from "./mxfp4-blocks.ts";

/** Q3_K has 16 small scales in a block; their products with its codes fit 8 bits. */
const CODE_FORMS: Readonly<Partial<Record<GgufType, CodeForm>>> = {
  Q4_0: { bits: 4, groupSize: 32, zero: 8 },
  Q5_0: { bits: 8, groupSize: 32, zero: 16 },
  Q8_0: { bits: 8, groupSize: 32, zero: 128 },
  Q3_K: { bits: 8, groupSize: 256, zero: 124 },
};

/** Small floats whose values are whole numbers of halves. */
const SMALL_FLOATS: Readonly<Partial<Record<GgufType, CodeForm>>> = {
  MXFP4: { bits: 8, groupSize: 32, zero: MXFP4_ZERO },
};

/** Types that have minimums, or scales of two levels that no type of codes can hold: their panels are those of the file's blocks. */
const BLOCK_FORMS: Readonly<Partial<Record<GgufType, BlockForm>>> = {
  Q4_1: { bits: 4, groupSize: 32, blockSize: 32 },
  Q5_1: { bits: 5, groupSize: 32, blockSize: 32 },
  Q2_K: { bits: 2, groupSize: 16, blockSize: 256 },
  Q4_K: { bits: 4, groupSize: 32, blockSize: 256 },
  Q5_K: { bits: 5, groupSize: 32, blockSize: 256 },
  Q6_K: { bits: 6, groupSize: 16, blockSize: 256 },
};

/** Bits of a code in the file. */
const FILE_BITS: Readonly<Record<GgufType, number>> = {
  ...{ F32: 32, F16: 16, BF16: 16, Q8_0: 8, Q4_0: 4, Q4_1: 4, Q5_0: 5, Q5_1: 5, MXFP4: 4 },
  ...{ Q2_K: 2, Q3_K: 3, Q4_K: 4, Q5_K: 5, Q6_K: 6 },
};

/** The codecs of a GGUF file, besides the one for plain floats. The modules of `floats` are floats in memory, whatever their type. */
export function ggufCodecs(index: GgufIndex, floats: ReadonlySet<string>): readonly Codec[] {
  const entryOf = ({ name }: StoredModule) => {
    const entry = index.entries.get(`${name}.weight`);
    return entry === undefined || entry.type.elements === 1 ? undefined : entry;
  };
  const formOf = <T>(forms: Readonly<Partial<Record<GgufType, T>>>, module: StoredModule) => {
    const entry = entryOf(module);
    return entry === undefined || floats.has(module.name) ? undefined : forms[entry.type.name];
  };
  const located = (module: StoredModule) => {
    const entry = entryOf(module) as GgufEntry;
    requireShape(index, entry, [module.rows, module.cols]);
    return { index, module, entry };
  };
  return [
    {
      ...{ name: "GGUF codes", packs: true },
      holds: (module) => formOf(CODE_FORMS, module) !== undefined,
      locate: (module) => storedCodes(located(module), formOf(CODE_FORMS, module) as CodeForm),
    },
    {
      ...{ name: "GGUF MXFP4", packs: true },
      holds: (module) => formOf(SMALL_FLOATS, module) !== undefined,
      locate: (module) => storedSmallFloats(located(module), formOf(SMALL_FLOATS, module) as CodeForm),
    },
    {
      ...{ name: "GGUF blocks", packs: true },
      holds: (module) => formOf(BLOCK_FORMS, module) !== undefined,
      locate: (module) => storedBlocks(located(module), formOf(BLOCK_FORMS, module) as BlockForm),
    },
    {
      ...{ name: "GGUF values", packs: false },
      holds: (module) => entryOf(module) !== undefined,
      locate: (module) => storedValues(located(module)),
    },
  ];
}

function commonParts({ index, module, entry }: Located) {
  return {
    fileType: { name: entry.type.name, bits: FILE_BITS[entry.type.name] },
    diskBytes: entry.byteLength,
    tensors: [entry],
    bias: locateBias(index, module.name, module.rows),
  };
}

function storedCodes(located: Located, form: CodeForm): StoredCodes {
  const { rows, cols } = located.module;
  const { bits, groupSize, zero } = form;
  return {
    ...commonParts(located),
    ...{ kind: "packed", bits, groupSize, zero },
    memoryBytes: panelBytes(`w${bits}`, rows, cols, form),
    stagingBytes: ggufStaging(located),
    reads: () => ggufReads(located),
    read: () => readCodes(located, form, 0, rows),
    lay: (bench, address) => layGgufCodes(located, form, bench, address),
  };
}

/** Small floats are few in memory, and their scales must be checked, so that no kernel unpacks them. */
function storedSmallFloats(located: Located, form: CodeForm): StoredCodes {
  const { rows, cols } = located.module;
  const { zero } = form;
  const shape = { cols, groups: cols / form.groupSize };
  return {
    ...storedCodes(located, form),
    isFloatFormat: true,
    stagingBytes: stagingBytes(rows, codeRowBytes(shape)),
    reads: () => [],
    read: () => readSmallFloats(located, form, 0, rows),
    async lay(bench, address) {
      for (const { first, count } of rowRanges(rows, codeRowBytes(shape))) {
        layCodes(bench, address, await readSmallFloats(located, form, first, count), first, { zero });
        await bench.turns.pause();
      }
      return { perm: undefined };
    },
  };
}

function storedBlocks(located: Located, form: BlockForm): StoredBlocks {
  const { rows, cols } = located.module;
  return {
    ...commonParts(located),
    ...form,
    kind: "blocks",
    readRows: (first, count) => readValues(located, first, count),
    memoryBytes: blockPanelBytes(form, rows, cols),
    stagingBytes: ggufStaging(located, blockRowBytes(form, cols)),
    reads: () => ggufReads(located),
    lay: (bench, address) => layGgufBlocks(located, form, bench, address),
  };
}

/** Weights that are computed as f32 when they are read. */
function storedValues(located: Located): StoredFloat {
  const { rows, cols } = located.module;
  const readRows = (first: number, count: number) => readValues(located, first, count);
  return {
    ...commonParts(located),
    ...{ kind: "float", dtype: "f32", tensor: located.entry, readRows },
    memoryBytes: panelBytes("f32", rows, cols),
    stagingBytes: floatStaging(rows, 4 * cols),
    reads: () => [],
    lay: (bench, address) => layValues(located, bench, address),
  };
}

async function layValues(located: Located, bench: LoadBench, address: number): Promise<LaidMatrix> {
  const { rows, cols } = located.module;
  for (const range of rowRanges(rows, 4 * cols)) {
    const values = await readValues(located, range.first, range.count);
    bench.machine.arena.f32(bench.staging, values.length).set(values);
    layFloats(bench, address, { dtype: "f32", cols }, range);
    await bench.turns.pause();
  }
  return { perm: undefined };
}
