/** Reads rows of GGUF's quantised types: as codes with one scale, as blocks, or as f32. */

import { f16Value } from "../../tensor/float16.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { requireForm, unpackBlocks } from "../gguf/blocks/block-codes.ts";
import type { BlockCodes } from "../gguf/blocks/block-parts.ts";
import { blockValues } from "../gguf/blocks/block-values.ts";
import type { GgufEntry, GgufIndex } from "../gguf/gguf-header.ts";
import { readPart } from "../tensor-index.ts";
import type { StoredModule } from "./codec.ts";
import { notFinite } from "./float-rows.ts";
import { MXFP4_CODES, mxfp4Scale } from "./mxfp4-blocks.ts";

/** A type whose weights are `d * (code - zero)` with a scale d for `groupSize` columns and codes from 0. */
export interface CodeForm {
  readonly bits: Bits;
  readonly groupSize: number;
  readonly zero: number;
}

/** A module with its tensor. */
export interface Located {
  readonly index: GgufIndex;
  readonly module: StoredModule;
  readonly entry: GgufEntry;
}

/** Bytes of a row on disk. */
export function rowBytes({ type }: GgufEntry, cols: number): number {
  return (cols / type.elements) * type.bytes;
}

async function readRowBytes({ entry, module }: Located, first: number, count: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(count * rowBytes(entry, module.cols));
  await readPart(entry, first * rowBytes(entry, module.cols), bytes);
  return bytes;
}

/** Rows [first, first + count) as codes from 0; scales may be negative. @throws NumericsError for a scale that is not finite. */
export async function readCodes(
  located: Located,
  form: CodeForm,
  first: number,
  count: number,
): Promise<QuantizedMatrix> {
  const { module } = located;
  const { bits, groupSize } = form;
  const parts = requireUnits(located, await readRowBytes(located, first, count), first);
  const group = parts.codes.length / parts.scales.length;
  const scales = Float32Array.from(parts.d, f16Value);
  const zeros = new Uint8Array(scales.length).fill(form.zero);
  const codes = new Uint8Array(parts.codes.length);
  for (let g = 0, i = 0; i < codes.length; g++) {
    const scale = parts.scales[g];
    for (const end = i + group; i < end; i++) codes[i] = parts.codes[i] * scale + form.zero;
  }
  const { cols } = module;
  const order = { gIdx: naturalGroups(cols, groupSize), perm: naturalOrder(cols) };
  return { rows: count, cols, bits, groupSize, groups: cols / groupSize, codes, scales, zeros, ...order };
}

/** Rows [first, first + count) of MXFP4 as codes from 0. @throws UnsupportedError for a scale that f16 does not have. */
export async function readSmallFloats(
  located: Located,
  form: CodeForm,
  first: number,
  count: number,
): Promise<QuantizedMatrix> {
  const { index, module, entry } = located;
  const { bits, groupSize, zero } = form;
  const bytes = await readRowBytes(located, first, count);
  const blocks = bytes.length / entry.type.bytes;
  const codes = new Uint8Array(blocks * groupSize);
  const scales = new Float32Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const from = block * entry.type.bytes;
    let used = 0;
    for (let j = 0; j < 16; j++) {
      const both = bytes[from + 1 + j];
      used |= both & 0x77;
      codes[block * groupSize + j] = MXFP4_CODES[both & 15];
      codes[block * groupSize + 16 + j] = MXFP4_CODES[both >> 4];
    }
    scales[block] = mxfp4Scale(bytes[from], used === 0, `${index.name}: tensor ${entry.name}`);
  }
  const { cols } = module;
  const order = { gIdx: naturalGroups(cols, groupSize), perm: naturalOrder(cols) };
  const zeros = new Uint8Array(blocks).fill(zero);
  return { rows: count, cols, bits, groupSize, groups: cols / groupSize, codes, scales, zeros, ...order };
}

/** Unpacks rows from row `first` on. @throws NumericsError for a block whose scale or minimum has a unit that is not finite. */
export function requireUnits({ index, entry, module }: Located, bytes: Uint8Array, first: number): BlockCodes {
  const form = requireForm(entry.type, `${index.name}: tensor ${entry.name}`);
  const parts = unpackBlocks(entry.type, form, bytes);
  const bad = parts.d.findIndex((d, block) => !isFinite16(d) || !isFinite16(parts.dmin[block]));
  if (bad >= 0) throw notFinite(index, entry, first * module.cols + bad * entry.type.elements);
  return parts;
}

/** Whether the bits are those of a number of 16 bits. */
function isFinite16(bits: number): boolean {
  return (bits & 0x7c00) !== 0x7c00;
}

/** Rows [first, first + count) as f32. @throws NumericsError for a weight that is not finite. */
export async function readValues(located: Located, first: number, count: number): Promise<Float32Array> {
  const { index, entry, module } = located;
  const values = blockValues(entry.type, await readRowBytes(located, first, count));
  const bad = values.findIndex((value) => !Number.isFinite(value));
  if (bad >= 0) throw notFinite(index, entry, first * module.cols + bad);
  return values;
}
