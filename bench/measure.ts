/** Figures of one row: samples of a kernel alternate with samples of its ceiling, so that noise hits both alike. */
import type { KernelMemory } from "./memory.ts";

/** What limits a kernel: reading memory (bytes a second) or f32 multiply-adds in registers (operations a second). */
export type Ceiling = "read" | "mul+add";

/** A benchmark of one kernel. */
export interface Row {
  readonly kernel: string;
  readonly build: string;
  readonly shape: string;
  readonly bits: string;
  readonly group: string;
  readonly ceiling: Ceiling;
  /** Share of the ceiling to reach; absent = shown for information. */
  readonly goal?: number;
  /** Bytes (ceiling read) or operations (mul+add) of one call. */
  readonly work: number;
  /** Gets memory ready; returns the call to time. `turn` counts up, so that weights can rotate through memory. */
  prepare(memory: KernelMemory): (turn: number) => void;
}

export interface Result {
  readonly row: Row;
  /** GB/s or GF/s of the kernel and of its ceiling, each the best sample. */
  readonly figure: number;
  readonly limit: number;
}

/** Memory a read passes over: far more than any cache. */
export const STREAM_BYTES: number = 384 << 20;

const SAMPLE_MS = 25;
const SAMPLES = 10;
const now = () => performance.now();

/** Work per second of `call`, in 1e9, over at least SAMPLE_MS. */
function rate(call: (turn: number) => void, work: number, turn: { count: number }): number {
  const begin = now();
  let calls = 0;
  let elapsed = 0;
  do {
    call(turn.count++);
    calls++;
    elapsed = now() - begin;
  } while (elapsed < SAMPLE_MS);
  return (calls * work) / elapsed / 1e6;
}

/** Ceilings as calls with their work. */
function ceilings({ arena, kernels, scratch }: KernelMemory, stream: number): Record<Ceiling, [() => void, number]> {
  const data = arena.alloc(256);
  arena.f32(data, 64).fill(0.5);
  const units = 100_000;
  return {
    read: [() => kernels.base.probe_read(0, STREAM_BYTES / 4096, scratch, stream), STREAM_BYTES],
    "mul+add": [() => kernels.base.probe_mul_add(0, units, scratch, data), units * 128],
  };
}

/** Optimising compilers take over between calls, in the background: call, wait, call again. */
async function warmUp(calls: ((turn: number) => void)[]): Promise<void> {
  for (let round = 0; round < 4; round++) {
    for (const call of calls) for (let i = 0; i < 4; i++) call(i);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
}

export async function measure(memory: KernelMemory, stream: number, row: Row): Promise<Result> {
  const mark = memory.arena.mark();
  const [probe, probeWork] = ceilings(memory, stream)[row.ceiling];
  const call = row.prepare(memory);
  await warmUp([probe, call]);
  const turn = { count: 0 };
  let [figure, limit] = [0, 0];
  for (let sample = 0; sample < SAMPLES; sample++) {
    limit = Math.max(limit, rate(probe, probeWork, { count: 0 }));
    figure = Math.max(figure, rate(call, row.work, turn));
  }
  memory.arena.release(mark);
  return { row, figure, limit };
}
