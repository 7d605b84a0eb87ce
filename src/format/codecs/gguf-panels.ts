/** Lays rows of GGUF's quantised types in panels: kernels take the bytes as they lie in the file. */
import { alignUp, layBlocks, READ_BYTES, type RowRange, rowRanges } from "../../tensor/lay-panels.ts";
import type { BlockForm } from "../../tensor/matrix.ts";
import { panelBytes, panelCount } from "../../tensor/panel.ts";
import type { ReadRange } from "../read-ahead.ts";
import type { LaidMatrix, LoadBench } from "./codec.ts";
import { type CodeForm, type Located, requireUnits, rowBytes } from "./gguf-rows.ts";

/** Rows that are laid at once, so that their bytes and what is unpacked from them stay in the processor's cache. */
function rangesOf({ entry, module }: Located): readonly RowRange[] {
  return rowRanges(module.rows, rowBytes(entry, module.cols), READ_BYTES);
}

/** What laying reads. */
export function* ggufReads(located: Located): Generator<ReadRange> {
  for (const range of rangesOf(located)) yield bytesOf(located, range);
}

function bytesOf({ entry, module }: Located, { first, count }: RowRange): ReadRange {
  const bytes = rowBytes(entry, module.cols);
  return { tensor: entry, start: first * bytes, length: count * bytes };
}

/** Bytes of staging room: the rows of a range, what is unpacked from them (for blocks), and a word a row for faults. */
export function ggufStaging(located: Located, unpackedBytes = 0): number {
  const { entry, module } = located;
  return rangesOf(located)[0].count * (rowBytes(entry, module.cols) + unpackedBytes + 4) + 5 * 64;
}

/** Lays a matrix of a type of codes. @throws NumericsError for a scale that is not finite. */
export async function layGgufCodes(
  located: Located,
  form: CodeForm,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  const { machine, staging, turns } = bench;
  const { entry, module } = located;
  const { cols } = module;
  for (const range of rangesOf(located)) {
    const { first, count } = range;
    const panels = panelCount(count);
    const faults = await stage(located, bench, range);
    const to = address + panelBytes(`w${form.bits}`, first, cols, form);
    machine.call("lay_gguf_codes", panels, to, faults, staging, count, cols, entry.type.id);
    requireNoFault(located, bench, range, panels);
    await turns.pause();
  }
  return { perm: undefined, zero: form.zero };
}

/** Lays a matrix of a type of blocks. @throws NumericsError for a unit that is not finite. */
export async function layGgufBlocks(
  located: Located,
  form: BlockForm,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  const { machine, staging, turns } = bench;
  const { entry, module } = located;
  const { cols } = module;
  for (const range of rangesOf(located)) {
    const { first, count } = range;
    const faults = await stage(located, bench, range);
    const codes = alignUp(faults + 4 * count);
    const heads = alignUp(codes + count * cols);
    const pairs = alignUp(heads + (4 * count * cols) / form.blockSize);
    machine.call("unpack_gguf_blocks", count, codes, heads, pairs, faults, staging, cols, entry.type.id);
    requireNoFault(located, bench, range, count);
    layBlocks(bench, address, { ...form, rows: count, cols, codes, heads, pairs }, first);
    await turns.pause();
  }
  return { perm: undefined };
}

/** Reads rows into the staging room. @returns the address behind them, for faults. */
async function stage(located: Located, { machine, staging, read }: LoadBench, range: RowRange): Promise<number> {
  const bytes = await read(bytesOf(located, range));
  machine.arena.u8(staging, bytes.length).set(bytes);
  return alignUp(staging + bytes.length);
}

/** Kernels cannot throw. They leave a word for each unit, which is 0 where all scales are numbers. */
function requireNoFault(located: Located, { machine, staging }: LoadBench, range: RowRange, units: number): void {
  const { length } = bytesOf(located, range);
  if (machine.arena.u32(alignUp(staging + length), units).every((fault) => fault === 0)) return;
  requireUnits(located, machine.arena.u8(staging, length).slice(), range.first);
}
