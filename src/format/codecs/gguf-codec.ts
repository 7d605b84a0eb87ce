/** The codecs of GGUF's quantised types: panels of codes where those hold the exact weights, and floats otherwise. */

import { f16Value } from "../../tensor/float16.ts";
import { codeRowBytes, layCodes, layFloats, rowRanges, stagingBytes } from "../../tensor/lay-panels.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { panelBytes } from "../../tensor/panel.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { requireForm, unpackBlocks } from "../gguf/blocks/block-codes.ts";
import { blockValues } from "../gguf/blocks/block-values.ts";
import type { GgufEntry, GgufIndex } from "../gguf/gguf-header.ts";
import type { GgufType } from "../gguf/gguf-types.ts";
import { readPart, requireShape } from "../tensor-index.ts";
import type { Codec, LaidMatrix, LoadBench, StoredCodes, StoredFloat, StoredModule } from "./codec.ts";
import { locateBias, notFinite } from "./float-rows.ts";

/** A type whose weights are `d * (code - zero)` with a scale d for `groupSize` columns and codes from 0. */
interface CodeForm {
  readonly bits: Bits;
  readonly groupSize: number;
  readonly zero: number;
}

/** Q3_K has 16 small scales in a block; their products with its codes fit 8 bits. */
const CODE_FORMS: Readonly<Partial<Record<GgufType, CodeForm>>> = {
  Q4_0: { bits: 4, groupSize: 32, zero: 8 },
  Q5_0: { bits: 8, groupSize: 32, zero: 16 },
  Q8_0: { bits: 8, groupSize: 32, zero: 128 },
  Q3_K: { bits: 8, groupSize: 256, zero: 124 },
};

/** The codecs of a GGUF file, besides the one for plain floats. The modules of `floats` are floats in memory, whatever their type. */
export function ggufCodecs(index: GgufIndex, floats: ReadonlySet<string>): readonly Codec[] {
  const entryOf = ({ name }: StoredModule) => {
    const entry = index.entries.get(`${name}.weight`);
    return entry === undefined || entry.type.elements === 1 ? undefined : entry;
  };
  const formOf = (module: StoredModule) => {
    const entry = entryOf(module);
    return entry === undefined || floats.has(module.name) ? undefined : CODE_FORMS[entry.type.name];
  };
  const located = (module: StoredModule) => {
    const entry = entryOf(module) as GgufEntry;
    requireShape(index, entry, [module.rows, module.cols]);
    return { index, module, entry };
  };
  return [
    {
      ...{ name: "GGUF codes", packs: true },
      holds: (module) => formOf(module) !== undefined,
      locate: (module) => storedCodes(located(module), formOf(module) as CodeForm),
    },
    {
      ...{ name: "GGUF blocks", packs: false },
      holds: (module) => entryOf(module) !== undefined,
      locate: (module) => storedValues(located(module)),
    },
  ];
}

interface Located {
  readonly index: GgufIndex;
  readonly module: StoredModule;
  readonly entry: GgufEntry;
}

/** Bytes of a row on disk. */
function rowBytes({ type }: GgufEntry, cols: number): number {
  return (cols / type.elements) * type.bytes;
}

async function readRowBytes({ entry, module }: Located, first: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count * rowBytes(entry, module.cols));
  await readPart(entry, first * rowBytes(entry, module.cols), bytes);
  return bytes;
}

function commonParts({ index, module, entry }: Located) {
  return {
    diskBytes: entry.byteLength,
    tensors: [entry],
    bias: locateBias(index, module.name, module.rows),
  };
}

function storedCodes(located: Located, form: CodeForm): StoredCodes {
  const { rows, cols } = located.module;
  const { bits, groupSize } = form;
  const shape = { cols, groups: cols / groupSize };
  return {
    ...commonParts(located),
    ...{ kind: "packed", bits, groupSize },
    memoryBytes: panelBytes(`w${bits}`, rows, cols, groupSize),
    stagingBytes: stagingBytes(rows, codeRowBytes(shape)),
    read: () => readCodes(located, form, 0, rows),
    async lay(bench, address) {
      for (const { first, count } of rowRanges(rows, codeRowBytes(shape))) {
        layCodes(bench, address, await readCodes(located, form, first, count), first, undefined);
        await bench.turns.pause();
      }
      return { perm: undefined };
    },
  };
}

async function readCodes(located: Located, form: CodeForm, first: number, count: number): Promise<QuantizedMatrix> {
  const { index, module, entry } = located;
  const { bits, groupSize } = form;
  const blocks = requireForm(entry.type, `${index.name}: tensor ${entry.name}`);
  const parts = unpackBlocks(entry.type, blocks, await readRowBytes(located, first, count));
  const scales = Float32Array.from(parts.d, f16Value);
  const bad = scales.findIndex((scale) => !Number.isFinite(scale));
  if (bad >= 0) throw notFinite(index, entry, first * module.cols + bad * entry.type.elements);
  const zeros = new Uint8Array(scales.length).fill(form.zero);
  const codes = new Uint8Array(parts.codes.length);
  const top = 2 ** bits - 1;
  for (let g = 0, i = 0; i < codes.length; g++) {
    const scale = parts.scales[g];
    const block = Math.floor(i / groupSize);
    // s (c - z) = -s ((top - c) - (top - z)): panels have no negative scales.
    const flip = (parts.d[block] & 0x8000) !== 0;
    for (const end = i + blocks.group; i < end; i++) {
      const code = parts.codes[i] * scale + form.zero;
      codes[i] = flip ? top - code : code;
    }
  }
  for (let block = 0; block < scales.length; block++)
    if ((parts.d[block] & 0x8000) !== 0) {
      scales[block] = Math.abs(scales[block]);
      zeros[block] = top - form.zero;
    }
  const { cols } = module;
  const order = { gIdx: naturalGroups(cols, groupSize), perm: naturalOrder(cols) };
  return { rows: count, cols, bits, groupSize, groups: cols / groupSize, codes, scales, zeros, ...order };
}

/** Weights that are computed as f32 when they are read. */
function storedValues(located: Located): StoredFloat {
  const { rows, cols } = located.module;
  const readRows = (first: number, count: number) => readValues(located, first, count);
  return {
    ...commonParts(located),
    ...{ kind: "float", dtype: "f32", tensor: located.entry, readRows },
    memoryBytes: panelBytes("f32", rows, cols),
    stagingBytes: stagingBytes(rows, 4 * cols),
    lay: (bench, address) => layValues(located, bench, address),
  };
}

async function readValues(located: Located, first: number, count: number): Promise<Float32Array> {
  const { index, entry, module } = located;
  const values = blockValues(entry.type, await readRowBytes(located, first, count));
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw notFinite(index, entry, first * module.cols + bad);
  return values;
}

async function layValues(located: Located, bench: LoadBench, address: number): Promise<LaidMatrix> {
  const { rows, cols } = located.module;
  for (const range of rowRanges(rows, 4 * cols)) {
    const values = await readValues(located, range.first, range.count);
    bench.machine.arena.f32(bench.staging, values.length).set(values);
    await layFloats(bench, address, { dtype: "f32", cols }, range);
    await bench.turns.pause();
  }
  return { perm: undefined };
}
