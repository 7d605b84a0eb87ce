/** Lists everything that the kernel benchmark measures: an array of functions that yield results. Extend it here. */
import { gptqBench } from "./gptq.ts";
import { MATMUL_ROWS, SHARED_ROWS } from "./kernel-rows.ts";
import { measure, measurePeak, REFERENCE_PEAK, type Result, type Row } from "./measure.ts";
import { createMachine, machineStage, plainStage, STREAM_BYTES } from "./memory.ts";

/** Yields results one by one; `wanted` says whether a row is selected. */
export type Source = (wanted: (text: string) => boolean) => AsyncGenerator<Result>;

const titleOf = ({ kernel, build, shape, threads }: Row) => `${kernel} ${build} ${shape} threads=${threads}`;

async function* matmuls(wanted: (text: string) => boolean): AsyncGenerator<Result> {
  const rows = MATMUL_ROWS.filter((row) => wanted(titleOf(row)));
  if (rows.length === 0) return;
  const stage = plainStage();
  stage.arena.u8(stage.stream, STREAM_BYTES).fill(1);
  for (const row of rows) yield await measure(stage, row);
}

async function* sharedMatmuls(wanted: (text: string) => boolean): AsyncGenerator<Result> {
  const rows = SHARED_ROWS.filter((row) => wanted(titleOf(row)));
  if (rows.length === 0) return;
  const alone = await measurePeak(plainStage(0));
  await using machine = await createMachine({ kernels: "relaxed", threads: 2 });
  const stage = machineStage(machine);
  stage.arena.u8(stage.stream, STREAM_BYTES).fill(1);
  for (const row of rows) yield await measure(stage, row, alone);
}

/** The goals in bench/gptq.ts are 80 % of those of the reference machine. */
const HELD_SHARE = 0.8;

async function* gptq(wanted: (text: string) => boolean): AsyncGenerator<Result> {
  if (!wanted("gptq")) return;
  await using machine = await createMachine({ threads: 1 });
  const stage = machineStage(machine);
  const before = await measurePeak(stage);
  const rows = await gptqBench(machine, [1024]);
  const limit = Math.max(before, await measurePeak(stage));
  for (const { name, shape, figure, goal } of rows) {
    const title = { kernel: name, build: machine.build, shape, bits: "-", group: "-", threads: 1, unit: "GF" as const };
    const here = goal === 0 ? undefined : ((goal / HELD_SHARE) * limit) / REFERENCE_PEAK;
    yield { ...title, figure, limit, share: figure / limit, goal: here };
  }
}

export const SOURCES: readonly Source[] = [matmuls, sharedMatmuls, gptq];
