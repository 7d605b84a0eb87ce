/** Runs kernels for a benchmark: both builds over one plain memory, or a machine with threads. */
import { instantiateSync } from "@assemblyscript/loader";

import { writeConstants } from "../src/wasm/constants.ts";
import { createMachine, embeddedKernels } from "../src/wasm/embedded.ts";
import type { KernelName } from "../src/wasm/generated/kernels.ts";
import type { Machine } from "../src/wasm/machine.ts";
import { Arena } from "../src/wasm/memory/arena.ts";
import type { Region } from "../src/wasm/memory/region.ts";

export type Build = "base" | "relaxed";

/** Memory that a read passes over: far more than any cache. */
export const STREAM_BYTES: number = 384 << 20;

export interface Stage {
  readonly arena: Arena;
  /** Memory for a row's allocations, a separate region for each row. */
  readonly memory: Region;
  readonly threads: number;
  /** STREAM_BYTES bytes that every row may fill. */
  readonly stream: number;
  /** A kernel as a function of its units and arguments. */
  kernel(build: Build, name: KernelName): (units: number, ...args: readonly number[]) => void;
}

const SCRATCH_BYTES = 1 << 20;

type RawKernels = Record<KernelName, (first: number, last: number, scratch: number, ...args: number[]) => void>;

/** One thread, and kernels without a machine. */
export function plainStage(streamBytes: number = STREAM_BYTES): Stage {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 });
  writeConstants(memory);
  const modules = embeddedKernels();
  const start = (bytes: unknown) => {
    const module = new WebAssembly.Module(bytes as BufferSource);
    return instantiateSync(module, { env: { memory } }).exports as unknown as RawKernels;
  };
  const base = start(modules.base);
  const kernels = { base, relaxed: { ...base, ...start(modules.relaxed) } };
  const arena = new Arena(memory);
  const region = arena.region();
  const scratch = region.alloc(SCRATCH_BYTES);
  const stream = region.alloc(streamBytes);
  const kernel: Stage["kernel"] = (build, name) => {
    const run = kernels[build][name];
    return (units, ...args) => run(0, units, scratch, ...args);
  };
  return { arena, memory: region, threads: 1, stream, kernel };
}

/** A machine's kernels on all its threads, dispatch included; it has one build. */
export function machineStage(machine: Machine): Stage {
  const { arena, threads } = machine;
  const kernel: Stage["kernel"] =
    (_, name) =>
    (units, ...args) =>
      machine.call(name, units, ...args);
  const memory = arena.region();
  return { arena, memory, threads, stream: memory.alloc(STREAM_BYTES), kernel };
}

export { createMachine };
