/**
 * Measures one row of a benchmark. Samples of a kernel alternate with samples of the machine's ceilings, so that noise affects all
 * alike. A benchmark library would finish one task before it begins the next, so the loop is written here.
 */
import { type Build, STREAM_BYTES, type Stage } from "./memory.ts";

/** Peak of 128-bit f32 multiply-adds, in GF, of the machine on which the goals in GF and GB/s were set. */
export const REFERENCE_PEAK = 58.4;

export type Unit = "GB/s" | "GF";

/** A goal: a share of the ceiling of the row's unit, or a figure at REFERENCE_PEAK, scaled by the peak of this run. */
export type Goal = { readonly share: number } | { readonly figure: number };

export interface Title {
  readonly kernel: string;
  readonly build: string;
  readonly shape: string;
  readonly bits: string;
  /** Columns that share a weight scale / an activation scale. */
  readonly group: string;
  readonly threads: number;
  /** GB/s is compared with reading memory, GF with f32 multiply-adds in registers. */
  readonly unit: Unit;
}

/** A benchmark of one kernel. */
export interface Row extends Title {
  readonly build: Build;
  /** Absent for rows that are only shown. */
  readonly goal?: Goal;
  /** Bytes (GB/s) or operations (GF) of one call. */
  readonly work: number;
  /** Prepares memory and returns the call to time. `turn` counts up, so that weights can rotate through memory. */
  prepare(stage: Stage): (turn: number) => void;
}

export interface Result extends Title {
  readonly figure: number;
  /** The machine's ceiling in the same samples: memory reads or multiply-adds. */
  readonly limit: number;
  readonly share: number;
  /** In the row's unit; absent if none is set. */
  readonly goal?: number;
  /** Reason why the figure cannot be compared with the goal. */
  readonly void?: string;
}

const SAMPLE_MS = 20;
const SAMPLES = 12;

/** Work per second of `call`, in 1e9, over at least SAMPLE_MS. */
function rate(call: (turn: number) => void, work: number, turn: { count: number }): number {
  const begin = performance.now();
  let calls = 0;
  let elapsed = 0;
  do {
    call(turn.count++);
    calls++;
    elapsed = performance.now() - begin;
  } while (elapsed < SAMPLE_MS);
  return (calls * work) / elapsed / 1e6;
}

interface Probe {
  readonly call: () => void;
  readonly work: number;
}

function ceilings(stage: Stage): Record<Unit, Probe> {
  const data = stage.memory.alloc(256);
  stage.arena.f32(data, 64).fill(0.5);
  const read = stage.kernel("base", "probe_read");
  const mulAdd = stage.kernel("base", "probe_mul_add");
  const units = 100_000;
  return {
    "GB/s": { call: () => read(STREAM_BYTES / 4096, stage.stream), work: STREAM_BYTES },
    GF: { call: () => mulAdd(units, data), work: units * 128 },
  };
}

/** Runs the calls until they are optimised. Optimising compilers work in the background between calls, hence the waits. */
async function warmUp(calls: readonly ((turn: number) => void)[]): Promise<void> {
  for (let round = 0; round < 4; round++) {
    for (const call of calls) for (let i = 0; i < 3; i++) call(i);
    await new Promise((resolve) => setTimeout(resolve, 12));
  }
}

/** GF of multiply-adds in registers, the best of a few samples, for figures that are timed elsewhere. */
export async function measurePeak(stage: Stage): Promise<number> {
  using memory = stage.arena.region();
  const { call, work } = ceilings({ ...stage, memory }).GF;
  await warmUp([call]);
  const samples = Array.from({ length: SAMPLES }, () => rate(call, work, { count: 0 }));
  return Math.max(...samples);
}

/** The goal in the row's unit on this machine. */
function goalHere(goal: Goal | undefined, limit: number, peak: number): number | undefined {
  if (goal === undefined) return undefined;
  return "share" in goal ? goal.share * limit : (goal.figure * peak) / REFERENCE_PEAK;
}

/** A figure of several threads only counts if their multiply-adds reach this share of `threads` times one thread's. */
const REAL_CORES_SHARE = 0.8;

/** Measures a row. `peakAlone`, the peak of one thread, shows whether several threads had as many cores. Default: one thread. */
export async function measure(stage: Stage, row: Row, peakAlone?: number): Promise<Result> {
  using memory = stage.arena.region();
  const probes = ceilings({ ...stage, memory });
  const call = row.prepare({ ...stage, memory });
  await warmUp([probes.GF.call, call]);
  const turn = { count: 0 };
  const best = { "GB/s": 0, GF: 0 };
  let figure = 0;
  const needed: readonly Unit[] = row.unit === "GF" ? ["GF"] : ["GB/s", "GF"];
  for (let sample = 0; sample < SAMPLES; sample++) {
    for (const unit of needed)
      best[unit] = Math.max(best[unit], rate(probes[unit].call, probes[unit].work, { count: 0 }));
    figure = Math.max(figure, rate(call, row.work, turn));
  }
  const { kernel, build, shape, bits, group, unit } = row;
  const { threads } = stage;
  const limit = best[unit];
  const goal = goalHere(row.goal, limit, best.GF / threads);
  const cores = peakAlone === undefined ? threads : best.GF / peakAlone;
  const result = { kernel, build, shape, bits, group, threads, unit, figure, limit, share: figure / limit, goal };
  return cores >= REAL_CORES_SHARE * threads ? result : { ...result, void: `had ${cores.toFixed(1)} cores` };
}
