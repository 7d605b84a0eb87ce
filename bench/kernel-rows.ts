/** The rows of the kernel benchmark: what is measured, and which share of a ceiling it should reach. */
import { bitsOf, isPacked, panelBytes, panelCount, recordLayout, type WeightType } from "../src/tensor/panel.ts";
import type { KernelName } from "../src/wasm/generated/kernels.ts";
import { type Ceiling, type Row, STREAM_BYTES } from "./measure.ts";
import type { Build, KernelMemory } from "./memory.ts";

/** Peak of 128-bit f32 multiply-adds where the goals were set, GF: goals in GF become shares of the peak measured in the run. */
const PEAK = 58.4;

const N = 4096;
const K = 4096;

interface Matmul {
  readonly kernel: KernelName;
  readonly build: Build;
  readonly type: WeightType;
  readonly groupSize?: number;
  /** Activation group; absent = f32 activations. */
  readonly actGroup?: number;
  readonly rows: number;
  readonly ceiling: Ceiling;
  readonly goal?: number;
}

/** Fills `bytes` of panels with plausible weights: any codes, scales around 0.02; floats around 0.02. */
function fillPanels({ arena }: KernelMemory, at: number, bytes: number, type: WeightType, groupSize: number): void {
  const words = arena.u32(at, bytes / 4);
  let state = 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const bits = state >>> 8;
    if (isPacked(type)) words[i] = state ^ (state >>> 13);
    else if (type === "f32") words[i] = 0x3c800000 | (bits & 0x7fffff) | (state & 0x80000000);
    else words[i] = (type === "f16" ? 0x24002400 : 0x3c803c80) | (bits & 0x007f007f) | (state & 0x80008000);
  }
  if (!isPacked(type)) return;
  const step = 16 + (groupSize * bitsOf(type)) / 2;
  for (let head = 0; head < words.length; head += step)
    for (let r = 0; r < 16; r++)
      words[head + r] = (0x24000000 + ((head + r) % 1024) * 65536) | (2 ** (bitsOf(type) - 1));
}

function putActivations({ arena }: KernelMemory, rows: number): number {
  const x = arena.alloc(rows * K * 4);
  const values = arena.f32(x, rows * K);
  for (let i = 0; i < values.length; i++) values[i] = ((i * 7919) % 2001) / 1000 - 1;
  return x;
}

/** The arguments of a matmul after its table: the activations as the kernel wants them. */
function inputs(memory: KernelMemory, matmul: Matmul): (entries: number) => number[] {
  const { rows, actGroup, groupSize = K } = matmul;
  const x = putActivations(memory, rows);
  if (actGroup === undefined) return (entries) => [entries, x, 0, K, groupSize, N, K];
  const narrow = matmul.kernel.endsWith("a8") && matmul.build === "relaxed";
  const layout = recordLayout(K, actGroup, narrow);
  const record = memory.arena.alloc(rows * layout.recordBytes);
  const { recordBytes, narrowOffset, wideOffset } = layout;
  memory.kernels.base.quantize_act(0, rows, memory.scratch, record, x, K, K, actGroup, recordBytes, narrowOffset, 0);
  return (entries) => [entries, record, 0, K, groupSize, actGroup, N, recordBytes, narrow ? narrowOffset : wideOffset];
}

/** Weights are copied as often as they fit in the stream and used in turn, so that each call finds them in memory, not in a cache. */
function prepareMatmul(memory: KernelMemory, matmul: Matmul, stream: number): (turn: number) => void {
  const { arena, scratch } = memory;
  const { groupSize = K, rows, type } = matmul;
  const bytes = panelBytes(type, N, K, groupSize);
  const copies = Math.floor(STREAM_BYTES / bytes);
  fillPanels(memory, stream, bytes, type, groupSize);
  for (let i = 1; i < copies; i++) arena.u8(stream + i * bytes, bytes).set(arena.u8(stream, bytes));
  const y = arena.alloc(rows * N * 4);
  const span = arena.alloc(8);
  arena.u32(span, 2).set([0, rows]);
  const tables = Array.from({ length: copies }, (_, i) => {
    const table = arena.alloc(16);
    arena.u32(table, 4).set([stream + i * bytes, span, y, 0]);
    return table;
  });
  const args = inputs(memory, matmul)(1);
  const kernel = memory.kernels[matmul.build][matmul.kernel];
  return (turn) => kernel(0, panelCount(N), scratch, tables[turn % copies], ...args);
}

function matmulRow(matmul: Matmul, stream: number): Row {
  const { kernel, build, type, groupSize, actGroup, rows, ceiling, goal } = matmul;
  const work = ceiling === "read" ? panelBytes(type, N, K, groupSize) : 2 * N * K * rows;
  const group = `${groupSize ?? "-"}/${actGroup ?? "-"}`;
  const shape = `${rows} x ${K} x ${N}`;
  return {
    ...{ kernel, build, shape, bits: type, group, ceiling, goal, work },
    prepare: (memory) => prepareMatmul(memory, matmul, stream),
  };
}

/** One row at a time, weights from memory. */
function decode(
  build: Build,
  kernel: KernelName,
  type: WeightType,
  groupSize: number,
  actGroup: number,
  ceiling: Ceiling,
  goal?: number,
): Matmul {
  return { build, kernel, type, groupSize, actGroup, rows: 1, ceiling, goal };
}

/** Many rows at a time. */
function prefill(
  build: Build,
  kernel: KernelName,
  groupSize: number,
  actGroup: number,
  rows: number,
  gigaflops: number,
): Matmul {
  return { build, kernel, type: "w4", groupSize, actGroup, rows, ceiling: "mul+add", goal: gigaflops / PEAK };
}

const MATMULS: readonly Matmul[] = [
  decode("relaxed", "matmul_w4a8", "w4", 128, 128, "read", 0.9),
  decode("relaxed", "matmul_w4a8", "w4", 128, 32, "read"),
  decode("relaxed", "matmul_w4a8", "w4", 32, 32, "read", 0.9),
  decode("relaxed", "matmul_w8a16", "w8", 128, 128, "read", 0.9),
  decode("relaxed", "matmul_w8a16", "w8", 32, 32, "read", 0.9),
  decode("relaxed", "matmul_w3a8", "w3", 128, 128, "mul+add", 80 / PEAK),
  decode("relaxed", "matmul_w2a8", "w2", 128, 128, "mul+add", 100 / PEAK),
  decode("relaxed", "matmul_w3a8", "w3", 64, 32, "mul+add"),
  decode("relaxed", "matmul_w2a8", "w2", 64, 32, "mul+add"),
  // 15 and 25 GB/s, in operations
  decode("base", "matmul_w4a8", "w4", 128, 128, "mul+add", 15 / (4.25 / 16) / PEAK),
  decode("base", "matmul_w8a16", "w8", 128, 128, "mul+add", 25 / (8.25 / 16) / PEAK),
  { build: "base", kernel: "matmul_f32", type: "f32", rows: 1, ceiling: "read" },
  { build: "base", kernel: "matmul_bf16", type: "bf16", rows: 1, ceiling: "read" },
  { build: "base", kernel: "matmul_w4", type: "w4", groupSize: 128, rows: 1, ceiling: "mul+add" },
  { build: "base", kernel: "matmul_f32", type: "f32", rows: 64, ceiling: "mul+add", goal: 0.7 },
  { build: "base", kernel: "matmul_bf16", type: "bf16", rows: 64, ceiling: "mul+add" },
  prefill("relaxed", "matmul_w4a8", 128, 128, 16, 120),
  prefill("relaxed", "matmul_w4a8", 128, 128, 64, 120),
  prefill("relaxed", "matmul_w4a8", 32, 32, 16, 80),
  prefill("relaxed", "matmul_w4a8", 128, 32, 64, 80),
  prefill("base", "matmul_w4a16", 128, 128, 16, 70),
  prefill("base", "matmul_w4a16", 128, 128, 64, 70),
];

/** All rows; `stream` is the address of STREAM_BYTES bytes that they may fill. */
export function kernelRows(stream: number): readonly Row[] {
  return MATMULS.map((matmul) => matmulRow(matmul, stream));
}
