/** Runs matmul kernels on small matrices: panels, records, tables and outputs laid out as a model would. */
import { MATMUL_SCRATCH_BYTES, panelCount, type RecordLayout, recordLayout } from "../../src/tensor/panel.ts";
import { findDotForm } from "../../src/wasm/dot-form.ts";
import type { KernelName } from "../../src/wasm/generated/kernels.ts";
import { Bench, type Build } from "./kernels.ts";

/** A matrix of the table: its panels' address and the span of input rows it takes. */
export interface Entry {
  readonly weights: number;
  readonly start: number;
  readonly count: number;
}

/** What a call multiplies: [n, k] matrices by rows reached through `index` (or in order). */
export interface Call {
  readonly n: number;
  readonly k: number;
  readonly groupSize: number;
  readonly entries: readonly Entry[];
  readonly index?: Int32Array;
  /** The zero of all rows and groups of packed panels; left out if the panels have zeros. */
  readonly zero?: number;
}

/** A memory whose scratch is exactly as large as promised, with guard bytes behind. */
export function linearBench(build: Build): Bench {
  const bench = new Bench(build, 48 << 20, MATMUL_SCRATCH_BYTES);
  bench.u8(bench.alloc(64), 64).fill(0xaa);
  return bench;
}

/** Stands for the row stride of y among the sizes of a call. */
const LDY = -1000;

/** Rows of y (one a position of the spans), n columns each, and the guard behind the scratch checked. */
function run(
  bench: Bench,
  kernel: KernelName,
  call: Call,
  inputs: readonly number[],
  sizes: readonly number[],
  cuts: readonly number[],
): Float32Array[] {
  const panels = panelCount(call.n);
  const ldy = panels * 16 + 16;
  const rows = Math.max(0, ...call.entries.map((entry) => entry.start + entry.count));
  const y = bench.alloc((rows + 1) * ldy * 4);
  bench.f32(y, (rows + 1) * ldy).fill(NaN);
  const words = call.entries.flatMap((entry) => [
    entry.weights,
    bench.put(Int32Array.of(entry.start, entry.count)),
    y,
    0,
  ]);
  const table = bench.put(Uint32Array.from(words));
  const index = call.index ? bench.put(call.index) : 0;
  const all = [
    table,
    call.entries.length,
    inputs[0],
    index,
    call.k,
    call.groupSize,
    ...sizes.map((size) => (size === LDY ? ldy : size)),
  ];
  const edges = [0, ...cuts, panels];
  for (let i = 1; i < edges.length; i++) bench.kernels[kernel](edges[i - 1], edges[i], bench.scratch, ...all);
  if (bench.u8(bench.scratch + MATMUL_SCRATCH_BYTES, 64).some((byte) => byte !== 0xaa))
    throw new Error("scratch overrun");
  for (let t = 0; t <= rows; t++)
    if (!bench.f32(y + (t * ldy + panels * 16) * 4, 16).every(Number.isNaN))
      throw new Error(`row ${t} written beyond its panels`);
  return Array.from({ length: rows }, (_, t) => bench.f32(y + t * ldy * 4, call.n).slice());
}

/** Float activations x[T,K]. */
export function runFloat(
  bench: Bench,
  kernel: KernelName,
  call: Call,
  x: Float32Array,
  cuts: readonly number[] = [],
): Float32Array[] {
  const ldx = call.k + 5;
  const rows = x.length / call.k;
  const at = bench.alloc(rows * ldx * 4);
  for (let t = 0; t < rows; t++) bench.f32(at + t * ldx * 4, call.k).set(x.subarray(t * call.k, (t + 1) * call.k));
  return run(bench, kernel, call, [at], [LDY, ldx, call.zero ?? -1], cuts);
}

/** Quantises x[T,K]; returns the records' address and layout. */
export function putRecords(
  bench: Bench,
  x: Float32Array,
  k: number,
  actGroup: number,
  mode: number,
  planes: 0 | 1 | 2,
): { at: number; layout: RecordLayout } {
  const layout = recordLayout(k, actGroup, planes);
  const rows = x.length / k;
  const at = bench.alloc(rows * layout.recordBytes + 64);
  bench.u8(at + rows * layout.recordBytes, 64).fill(0xaa);
  bench.kernels.quantize_act(
    0,
    rows,
    bench.scratch,
    at,
    bench.put(x),
    k,
    k,
    actGroup,
    layout.recordBytes,
    layout.narrowOffset,
    mode,
  );
  if (bench.u8(at + rows * layout.recordBytes, 64).some((byte) => byte !== 0xaa)) throw new Error("records overrun");
  return { at, layout };
}

/** Quantised activations; `planes` of bytes are read by kernels of the relaxed build, otherwise words. `flip` is added to bytes of 8-bit codes. */
export function runCodes(
  bench: Bench,
  kernel: KernelName,
  call: Call,
  x: Float32Array,
  actGroup: number,
  mode: number,
  { planes, flip = 0 }: { planes: 0 | 1 | 2; flip?: number },
  cuts: readonly number[] = [],
): Float32Array[] {
  const { at, layout } = putRecords(bench, x, call.k, actGroup, mode, planes);
  const offset = planes > 0 ? layout.narrowOffset : layout.wideOffset;
  return run(bench, kernel, call, [at], [actGroup, LDY, layout.recordBytes, offset, call.zero ?? -1, flip], cuts);
}

/** A kernel for codes, with the mode and the part of records that it reads. */
export interface CodesKernel {
  readonly kernel: KernelName;
  readonly bits: number;
  /** 0: int8, 1: int16. */
  readonly mode: 0 | 1;
  readonly planes: 0 | 1 | 2;
  readonly flip: number;
}

/** Every kernel for codes of so many bits that this build has, and that this machine runs: those of bytes need an exact dot product for 8 bits. */
export function codesKernels(build: Build, bits: number): readonly CodesKernel[] {
  const words = ([0, 1] as const).map((mode) => ({
    kernel: `matmul_w${bits}a16` as KernelName,
    bits,
    mode,
    planes: 0 as const,
    flip: 0,
  }));
  if (build === "base") return words;
  const bench = new Bench(build, 2 << 20);
  const form = findDotForm({ probe: bench.kernels.probe_dot_form, memory: bench.memory, scratch: bench.scratch });
  const pairs = { kernel: `matmul_w${bits}a8` as KernelName, bits, mode: 0, planes: 1, flip: 0 } as const;
  if (bits === 8 && form === "pairs") return words;
  const flip = bits === 8 && form === "signed" ? 128 : 0;
  const bytes = { kernel: `matmul_w${bits}a8_dot` as KernelName, bits, mode: 0, planes: 1, flip } as const;
  const planes = { kernel: `matmul_w${bits}a16_dot` as KernelName, bits, mode: 1, planes: 2, flip } as const;
  return [...words, ...(bits === 8 ? [] : [pairs]), bytes, planes];
}
