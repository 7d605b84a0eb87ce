/** Packs rows of a matrix into panels at an address, a range of rows at a time, so that no matrix is in memory twice. */

import type { Turns } from "../base/turns.ts";
import type { Machine } from "../wasm/machine.ts";
import { exactF16 } from "./float16.ts";
import { reorderColumns } from "./group-order.ts";
import type { BlockForm, FloatDType } from "./matrix.ts";
import { blockPanelBytes, OWN_ZEROS, PANEL_ROWS, panelBytes, panelCount } from "./panel.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** Most bytes of rows in the staging room, unless the rows of one panel have more. */
const STAGING_BYTES = 16 << 20;

/** Most bytes of rows that are read from a file at once, for kernels that lay them as they are: they stay in the processor's cache. */
export const READ_BYTES: number = 1 << 20;

/** Rows [first, first + count); `first` is the first row of a panel. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** The engine, with memory for rows before they are packed into panels. */
export interface Bench {
  readonly machine: Machine;
  readonly turns: Turns;
  /** Address of the staging room. What is packed says how many bytes it needs. */
  readonly staging: number;
}

/** Bytes of a float of this type. */
export function floatBytes(dtype: FloatDType): number {
  return dtype === "f32" ? 4 : 2;
}

/** Divides the rows of a matrix into ranges that fit the staging room. */
export function rowRanges(rows: number, rowBytes: number, bytes: number = STAGING_BYTES): readonly RowRange[] {
  const most = rowsAtOnce(rowBytes, bytes);
  const ranges: RowRange[] = [];
  for (let first = 0; first < rows; first += most) ranges.push({ first, count: Math.min(most, rows - first) });
  return ranges;
}

function rowsAtOnce(rowBytes: number, bytes: number): number {
  return Math.max(1, Math.floor(bytes / (rowBytes * PANEL_ROWS))) * PANEL_ROWS;
}

/** Bytes of staging room for one such range. */
export function stagingBytes(rows: number, rowBytes: number, bytes: number = STAGING_BYTES): number {
  // Three parts of a packed row begin at whole cache lines.
  return Math.min(rows, rowsAtOnce(rowBytes, bytes)) * rowBytes + 3 * 64;
}

/** The bits that all floats have which are no numbers. */
const EXPONENT_BITS: Readonly<Record<FloatDType, number>> = { f32: 0x7f800000, f16: 0x7c00, bf16: 0x7f80 };

/**
 * Packs the float rows of `range` from the staging room, in their form on disk, into the matrix at `address`.
 * @returns the element of the range that is no number; -1 if all are.
 */
export function layFloats(
  { machine, staging }: Pick<Bench, "machine" | "staging">,
  address: number,
  { dtype, cols }: { readonly dtype: FloatDType; readonly cols: number },
  { first, count }: RowRange,
): number {
  const { arena } = machine;
  const kernel = dtype === "f32" ? "panel_32" : "panel_16";
  const exponent = EXPONENT_BITS[dtype];
  const to = address + panelBytes(dtype, first, cols);
  const faults = alignUp(staging + count * cols * floatBytes(dtype));
  machine.call(kernel, panelCount(count), to, staging, count, cols, faults, exponent);
  if (arena.u32(faults, panelCount(count)).every((fault) => fault === 0)) return -1;
  const words = dtype === "f32" ? arena.u32(staging, count * cols) : arena.u16(staging, count * cols);
  return words.findIndex((word) => (word & exponent) === exponent);
}

/** Bytes of staging room for `layFloats`, at most `bytes` of them for rows. */
export function floatStaging(rows: number, rowBytes: number, bytes?: number): number {
  return stagingBytes(rows, rowBytes, bytes) + 4 * panelCount(rows);
}

/** Bytes of a row of codes in the staging room, with its scales and zeros. */
export function codeRowBytes({ cols, groups }: Pick<QuantizedMatrix, "cols" | "groups">): number {
  return cols + 3 * groups;
}

/**
 * Packs the rows of codes in `part` into the packed matrix at `address`, from its row `first` on, with columns in the order `perm`.
 * Scales must be representable in f16, and all zeros be `zero` unless that is `OWN_ZEROS`.
 */
export function layCodes(
  { machine, staging }: Pick<Bench, "machine" | "staging">,
  address: number,
  part: QuantizedMatrix,
  first: number,
  { perm, zero = OWN_ZEROS }: { readonly perm?: Int32Array; readonly zero?: number } = {},
): void {
  const { rows, cols, groups, bits } = part;
  const groupSize = cols / groups;
  const { arena } = machine;
  const codes = perm === undefined ? part.codes : reorderColumns(part.codes, perm);
  const scales = alignUp(staging + codes.length);
  const zeros = alignUp(scales + 2 * part.scales.length);
  arena.u8(staging, codes.length).set(codes);
  arena.u16(scales, part.scales.length).set(scaleBits(part.scales));
  arena.u8(zeros, part.zeros.length).set(part.zeros);
  const to = address + panelBytes(`w${bits}`, first, cols, { groupSize, zero });
  machine.call(`pack_w${bits}`, panelCount(rows), to, staging, scales, zeros, rows, cols, groupSize, zero);
}

/** Rows of blocks in the staging room, for panels. */
export interface StagedBlocks extends BlockForm {
  readonly rows: number;
  readonly cols: number;
  /** Address of i8 [rows, cols]. */
  readonly codes: number;
  /** Address of u32 [rows, cols / blockSize]: f16 bits of the units of scales (upper half) and minimums. */
  readonly heads: number;
  /** Address of [rows, cols / groupSize]: scale and minimum, signed bytes; in blocks of one group both are 1. */
  readonly pairs: number;
}

/** Bytes of a row of blocks in the staging room. */
export function blockRowBytes({ groupSize, blockSize }: BlockForm, cols: number): number {
  return cols + (4 * cols) / blockSize + (2 * cols) / groupSize;
}

/** Packs the rows of `part` into the matrix of blocks at `address`, from its row `first` on. */
export function layBlocks(
  { machine }: Pick<Bench, "machine">,
  address: number,
  part: StagedBlocks,
  first: number,
): void {
  const { rows, cols, bits, blockSize, codes, heads, pairs } = part;
  const to = address + blockPanelBytes(part, first, cols);
  machine.call("pack_blocks", panelCount(rows), to, codes, heads, pairs, rows, cols, bits, blockSize);
}

/** Scales as f16 bits. They are exact, because the grid or the file has already rounded each scale to f16. */
export function scaleBits(scales: Float32Array): Uint16Array<ArrayBuffer> {
  return new Uint16Array(scales.map((scale) => exactF16(scale) as number));
}

/** The first address of a cache line from `address` on. */
export function alignUp(address: number): number {
  return Math.ceil(address / 64) * 64;
}
