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

/** Rows in the staging room. */
interface Staged extends RowRange {
  /** Address behind their bytes, where kernels leave a word for each unit: 0 where all scales are numbers. */
  readonly faults: number;
  /** @throws NumericsError if one of so many units has a fault. Kernels cannot throw. */
  check(units: number): void;
}

/** Brings range after range into the staging room, where `lay` takes them. */
async function layRanges(located: Located, bench: LoadBench, lay: (staged: Staged) => void): Promise<LaidMatrix> {
  const { machine, staging, read, turns } = bench;
  for (const range of rangesOf(located)) {
    const bytes = await read(bytesOf(located, range));
    const { length } = bytes;
    machine.arena.u8(staging, length).set(bytes);
    const faults = alignUp(staging + length);
    const check = (units: number) => {
      if (machine.arena.u32(faults, units).every((fault) => fault === 0)) return;
      requireUnits(located, machine.arena.u8(staging, length).slice(), range.first);
    };
    lay({ ...range, faults, check });
    await turns.pause();
  }
  return { perm: undefined };
}

/** Lays a matrix of a type of codes. @throws NumericsError for a scale that is not finite. */
export function layGgufCodes(located: Located, form: CodeForm, bench: LoadBench, address: number): Promise<LaidMatrix> {
  const { machine, staging } = bench;
  const { entry, module } = located;
  const { cols } = module;
  return layRanges(located, bench, ({ first, count, faults, check }) => {
    const panels = panelCount(count);
    const to = address + panelBytes(`w${form.bits}`, first, cols, form);
    machine.call("lay_gguf_codes", panels, to, faults, staging, count, cols, entry.type.id);
    check(panels);
  });
}

/** Lays a matrix of a type of blocks. @throws NumericsError for a unit that is not finite. */
export function layGgufBlocks(
  located: Located,
  form: BlockForm,
  bench: LoadBench,
  address: number,
): Promise<LaidMatrix> {
  const { machine, staging } = bench;
  const { entry, module } = located;
  const { cols } = module;
  return layRanges(located, bench, ({ first, count, faults, check }) => {
    const codes = alignUp(faults + 4 * count);
    const heads = alignUp(codes + count * cols);
    const pairs = alignUp(heads + (4 * count * cols) / form.blockSize);
    machine.call("unpack_gguf_blocks", count, codes, heads, pairs, faults, staging, cols, entry.type.id);
    check(count);
    layBlocks(bench, address, { ...form, rows: count, cols, codes, heads, pairs }, first);
  });
}
