/** Lays rows of a matrix in panels at an address: a range of rows at a time, so that no matrix lies in memory twice. */

import type { Turns } from "../base/turns.ts";
import type { Machine } from "../wasm/machine.ts";
import { exactF16 } from "./float16.ts";
import { reorderColumns } from "./group-order.ts";
import type { FloatDType } from "./matrix.ts";
import { PANEL_ROWS, panelBytes, panelCount } from "./panel.ts";
import type { QuantizedMatrix } from "./quantized-matrix.ts";

/** Most bytes of rows that wait beside their panels, unless one panel's rows have more. */
const STAGING_BYTES = 16 << 20;

/** Rows [first, first + count); `first` is the first row of a panel. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** A place for rows before they lie in panels. */
export interface Bench {
  readonly machine: Machine;
  readonly turns: Turns;
  /** Address of as many bytes as what is laid says that it needs. */
  readonly staging: number;
}

/** Bytes of a float of this type. */
export function floatBytes(dtype: FloatDType): number {
  return dtype === "f32" ? 4 : 2;
}

/** The rows of a matrix in ranges that fit the staging room. */
export function rowRanges(rows: number, rowBytes: number): readonly RowRange[] {
  const most = rowsAtOnce(rowBytes);
  const ranges: RowRange[] = [];
  for (let first = 0; first < rows; first += most) ranges.push({ first, count: Math.min(most, rows - first) });
  return ranges;
}

function rowsAtOnce(rowBytes: number): number {
  return Math.max(1, Math.floor(STAGING_BYTES / (rowBytes * PANEL_ROWS))) * PANEL_ROWS;
}

/** Staging bytes for the rows of a matrix in such ranges. */
export function stagingBytes(rows: number, rowBytes: number): number {
  // Three parts of a packed row begin at whole cache lines.
  return Math.min(rows, rowsAtOnce(rowBytes)) * rowBytes + 3 * 64;
}

/** Lays float rows [range] that wait in the staging room as they were on disk, at their place in the matrix at `address`. */
export async function layFloats(
  { machine, turns, staging }: Bench,
  address: number,
  { dtype, cols }: { readonly dtype: FloatDType; readonly cols: number },
  { first, count }: RowRange,
): Promise<void> {
  const kernel = dtype === "f32" ? "panel_32" : "panel_16";
  const to = address + panelBytes(dtype, first, cols);
  const tape = machine.tape();
  tape.call(kernel, panelCount(count), PANEL_ROWS * cols, to, staging, count, cols);
  await tape.runInTurns(turns);
}

/** Bytes of a row of codes with its scales and zeros, as they wait in the staging room. */
export function codeRowBytes({ cols, groups }: Pick<QuantizedMatrix, "cols" | "groups">): number {
  return cols + 3 * groups;
}

/**
 * Lays rows of codes, `part`, as the rows from `first` on of the packed matrix at `address`; columns in the order `perm`. Scales
 * must be values that f16 holds.
 */
export function layCodes(
  { machine, staging }: Pick<Bench, "machine" | "staging">,
  address: number,
  part: QuantizedMatrix,
  first: number,
  perm: Int32Array | undefined,
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
  const to = address + panelBytes(`w${bits}`, first, cols, groupSize);
  machine.call(`pack_w${bits}`, panelCount(rows), to, staging, scales, zeros, rows, cols, groupSize);
}

/** Scales as f16 bits; the grid that made them, or the file, has rounded each to f16. */
export function scaleBits(scales: Float32Array): Uint16Array<ArrayBuffer> {
  return Uint16Array.from(scales, (scale) => exactF16(scale) as number);
}

function alignUp(address: number): number {
  return Math.ceil(address / 64) * 64;
}
