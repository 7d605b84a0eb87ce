/** Lays GPTQ linears in panels: kernels take the words as they lie in the file. */
import { groupOrder, groupRuns } from "../../tensor/group-order.ts";
import { alignUp, READ_BYTES } from "../../tensor/lay-panels.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { panelCount } from "../../tensor/panel.ts";
import type { Region } from "../../wasm/memory/region.ts";
import type { GptqConfig } from "../gptq/gptq-config.ts";
import { gridTensors, readGptqGrid, requireScales } from "../gptq/gptq-grid.ts";
import type { ReadRange } from "../read-ahead.ts";
import { requireTensor, type TensorIndex } from "../tensor-index.ts";
import type { LaidMatrix, LoadBench, StoredModule } from "./codec.ts";

/** A module of an index, with the groups in a row of it, and the columns of a group in its panels. */
export interface GptqPlace {
  readonly index: TensorIndex;
  readonly module: StoredModule;
  readonly bits: Bits;
  readonly groups: number;
  readonly groupSize: number;
  readonly config: GptqConfig | undefined;
}

/** Columns [first, first + count), whose words lie together in the file. */
interface ColumnRange {
  readonly first: number;
  readonly count: number;
}

/** Kernels read vectors of words, which may end behind the last row. */
const SLACK_BYTES = 64;

function rangesOf({ bits, module }: GptqPlace): readonly ColumnRange[] {
  const { rows, cols } = module;
  const most = 32 * Math.max(1, Math.floor(READ_BYTES / (4 * bits * rows)));
  return Array.from({ length: Math.ceil(cols / most) }, (_, i) => {
    return { first: i * most, count: Math.min(most, cols - i * most) };
  });
}

function wordsOf({ index, module, bits }: GptqPlace, { first, count }: ColumnRange): ReadRange {
  const lineBytes = 4 * module.rows;
  const tensor = requireTensor(index, `${module.name}.qweight`);
  return { tensor, start: ((first * bits) / 32) * lineBytes, length: ((count * bits) / 32) * lineBytes };
}

/** What laying reads: the grid, then the words of ranges of columns. */
export function* gptqReads(place: GptqPlace): Generator<ReadRange> {
  for (const tensor of gridTensors(place.index, place.module.name))
    yield { tensor, start: 0, length: tensor.byteLength };
  for (const range of rangesOf(place)) yield wordsOf(place, range);
}

/** Bytes of staging room: a range of words, and a word a panel for faults. */
export function gptqStaging(place: GptqPlace): number {
  return wordsOf(place, rangesOf(place)[0]).length + SLACK_BYTES + 4 * panelCount(place.module.rows) + 64;
}

/** Lays a linear. @throws FormatError or UnsupportedError naming the tensor that is wrong. */
export async function layGptq(place: GptqPlace, bench: LoadBench, address: number): Promise<LaidMatrix> {
  const { index, module, bits, groupSize, config } = place;
  const { machine, staging, turns, read, warn } = bench;
  const { rows, cols } = module;
  const grid = await readGptqGrid(index, module, config, read);
  for (const warning of grid.warnings) warn(warning);
  const { perm, order } = orderOf(grid.gIdx, place);
  using memory = machine.arena.region();
  const [zeros, scales] = [memory.place(grid.zeros), memory.place(grid.scales)];
  const { zero } = grid;
  const [at, permAt] = [memory.place(Int32Array.of(zero, ...order)), perm === undefined ? 0 : memory.place(perm)];
  const lay = (words: number, { first, count }: ColumnRange) => {
    const faults = staging;
    const sizes = [rows, cols, groupSize, first, count];
    machine.call(`lay_gptq_w${bits}`, panelCount(rows), address, faults, words, zeros, scales, at, permAt, ...sizes);
    if (machine.arena.u32(faults, panelCount(rows)).some((fault) => fault !== 0))
      requireScales(index, module, grid.scales);
  };
  const room = alignUp(staging + 4 * panelCount(rows));
  if (perm !== undefined) lay(await wholeWords(place, bench, memory), { first: 0, count: cols });
  else
    for (const range of rangesOf(place)) {
      const bytes = await read(wordsOf(place, range));
      machine.arena.u8(room, bytes.length).set(bytes);
      lay(room, range);
      await turns.pause();
    }
  return { perm, zero };
}

/** Columns in another order may come from anywhere in the file, so all words must be in memory. */
async function wholeWords(place: GptqPlace, { machine, read, turns }: LoadBench, memory: Region): Promise<number> {
  const words = memory.alloc(requireTensor(place.index, `${place.module.name}.qweight`).byteLength + SLACK_BYTES);
  for (const range of rangesOf(place)) {
    const part = wordsOf(place, range);
    const bytes = await read(part);
    machine.arena.u8(words + part.start, part.length).set(bytes);
    await turns.pause();
  }
  return words;
}

/** The order of columns in which groups lie together, and for each group of the panels its group in the file. */
function orderOf(
  gIdx: Int32Array,
  { index, module, groups, groupSize }: GptqPlace,
): { readonly perm: Int32Array | undefined; readonly order: Int32Array } {
  const where = `${index.name}: ${module.name}.g_idx`;
  if (groups * groupSize === module.cols)
    return { perm: groupOrder(gIdx, groupSize, where), order: Int32Array.from({ length: groups }, (_, at) => at) };
  const { perm, groups: order } = groupRuns(gIdx, groupSize, where);
  return { perm, order };
}
