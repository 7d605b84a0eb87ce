/** The matmul rows of the kernel benchmark, with their goals. */
import type { Bits } from "../src/tensor/linear-shape.ts";
import { bitsOf, isPacked, panelBytes, panelCount, recordLayout, type WeightType } from "../src/tensor/panel.ts";
import type { KernelName } from "../src/wasm/generated/kernels.ts";
import type { Goal, Row } from "./measure.ts";
import { type Build, STREAM_BYTES, type Stage } from "./memory.ts";

const N = 4096;
const K = 4096;

interface Matmul {
  readonly kernel: KernelName;
  readonly build: Build;
  readonly type: WeightType;
  readonly groupSize?: number;
  /** Activation group; absent for f32 activations. */
  readonly actGroup?: number;
  readonly rows: number;
  readonly unit: "GB/s" | "GF";
  readonly goal?: Goal;
}

/** Fills `bytes` of panels with plausible weights: any codes, scales around 0.02; floats around 0.02. */
function fillPanels({ arena, stream }: Stage, bytes: number, type: WeightType, groupSize: number): void {
  const words = arena.u32(stream, bytes / 4);
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

function putActivations({ arena, memory }: Stage, rows: number): number {
  const x = memory.alloc(rows * K * 4);
  const values = arena.f32(x, rows * K);
  for (let i = 0; i < values.length; i++) values[i] = ((i * 7919) % 2001) / 1000 - 1;
  return x;
}

/** A matmul's arguments after its table, with activations in the kernel's format. */
function inputs(stage: Stage, { kernel, build, rows, actGroup, groupSize = K }: Matmul): number[] {
  const x = putActivations(stage, rows);
  if (actGroup === undefined) return [1, x, 0, K, groupSize, N, K];
  const narrow = kernel.endsWith("a8") && build === "relaxed";
  const { recordBytes, narrowOffset, wideOffset } = recordLayout(K, actGroup, narrow);
  const record = stage.memory.alloc(rows * recordBytes);
  stage.kernel("base", "quantize_act")(rows, record, x, K, K, actGroup, recordBytes, narrowOffset, 0);
  return [1, record, 0, K, groupSize, actGroup, N, recordBytes, narrow ? narrowOffset : wideOffset];
}

/** Places as many copies of the weights as fit in the stream, and uses them in turn, so that each call reads them from memory, not from a cache. */
function prepareMatmul(stage: Stage, matmul: Matmul): (turn: number) => void {
  const { arena, memory, stream } = stage;
  const { groupSize = K, rows, type } = matmul;
  const bytes = panelBytes(type, N, K, groupSize);
  const copies = Math.floor(STREAM_BYTES / bytes);
  fillPanels(stage, bytes, type, groupSize);
  for (let i = 1; i < copies; i++) arena.u8(stream + i * bytes, bytes).set(arena.u8(stream, bytes));
  const y = memory.alloc(rows * N * 4);
  const span = memory.place(Uint32Array.of(0, rows));
  const tables = Array.from({ length: copies }, (_, i) => memory.place(Uint32Array.of(stream + i * bytes, span, y, 0)));
  const args = inputs(stage, matmul);
  const kernel = stage.kernel(matmul.build, matmul.kernel);
  return (turn) => kernel(panelCount(N), tables[turn % copies], ...args);
}

function matmulRow(matmul: Matmul, threads: number): Row {
  const { kernel, build, type, groupSize, actGroup, rows, unit, goal } = matmul;
  const work = unit === "GB/s" ? panelBytes(type, N, K, groupSize) : 2 * N * K * rows;
  const [shape, group] = [`${rows} x ${K} x ${N}`, `${groupSize ?? "-"}/${actGroup ?? "-"}`];
  return {
    ...{ kernel, build, shape, bits: type, group, threads, unit, goal, work },
    prepare: (stage) => prepareMatmul(stage, matmul),
  };
}

/** One row at a time in int8 mode, weights from memory. */
// biome-ignore format: one line
function decode(build: Build, bits: Bits, groupSize: number, actGroup: number, unit: "GB/s" | "GF", goal?: Goal): Matmul {
  const kernel: KernelName = bits === 8 ? "matmul_w8a16" : `matmul_w${bits}a8`;
  return { build, kernel, type: `w${bits}`, groupSize, actGroup, rows: 1, unit, goal };
}

/** Several rows at a time, 4 bits; `goal` in GF. */
// biome-ignore format: one line
function prefill(build: Build, kernel: KernelName, groupSize: number, actGroup: number, rows: number, goal?: number): Matmul {
  return { build, kernel, type: "w4", groupSize, actGroup, rows, unit: "GF", goal: goal === undefined ? goal : { figure: goal } };
}

/** Float weights, f32 activations. */
function float(type: "f32" | "f16" | "bf16", rows: number, share?: number): Matmul {
  const goal = share === undefined ? undefined : { share };
  return { build: "base", kernel: `matmul_${type}`, type, rows, unit: rows === 1 ? "GB/s" : "GF", goal };
}

const ONE_THREAD: readonly Matmul[] = [
  decode("relaxed", 4, 128, 128, "GB/s", { share: 0.9 }),
  decode("relaxed", 4, 128, 32, "GB/s"),
  decode("relaxed", 4, 32, 32, "GB/s", { share: 0.9 }),
  decode("relaxed", 8, 128, 128, "GB/s", { share: 0.9 }),
  decode("relaxed", 8, 32, 32, "GB/s", { share: 0.9 }),
  decode("relaxed", 3, 128, 128, "GF", { figure: 80 }),
  decode("relaxed", 2, 128, 128, "GF", { figure: 100 }),
  decode("relaxed", 3, 64, 32, "GF"),
  decode("relaxed", 2, 64, 32, "GF"),
  decode("base", 4, 128, 128, "GB/s", { figure: 15 }),
  decode("base", 8, 128, 128, "GB/s", { figure: 25 }),
  float("f32", 1),
  float("f16", 1, 0.5),
  float("bf16", 1),
  { build: "base", kernel: "matmul_w4", type: "w4", groupSize: 128, rows: 1, unit: "GB/s" },
  float("f32", 64, 0.7),
  float("f16", 64),
  float("bf16", 64),
  ...[2, 4, 8].map((rows) => prefill("relaxed", "matmul_w4a8", 128, 32, rows)),
  prefill("relaxed", "matmul_w4a8", 128, 128, 16, 120),
  prefill("relaxed", "matmul_w4a8", 128, 128, 64, 120),
  prefill("relaxed", "matmul_w4a8", 32, 32, 16, 80),
  prefill("relaxed", "matmul_w4a8", 128, 32, 16, 80),
  prefill("relaxed", "matmul_w4a8", 128, 32, 64, 80),
  ...[2, 4, 8].map((rows) => prefill("base", "matmul_w4a16", 128, 128, rows)),
  prefill("base", "matmul_w4a16", 128, 128, 16, 70),
  prefill("base", "matmul_w4a16", 128, 128, 64, 70),
];

const TWO_THREADS: readonly Matmul[] = [
  decode("relaxed", 4, 128, 128, "GB/s", { share: 0.85 }),
  decode("relaxed", 4, 32, 32, "GB/s", { share: 0.85 }),
];

export const MATMUL_ROWS: readonly Row[] = ONE_THREAD.map((matmul) => matmulRow(matmul, 1));
export const SHARED_ROWS: readonly Row[] = TWO_THREADS.map((matmul) => matmulRow(matmul, 2));
