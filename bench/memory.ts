/** Where a benchmark runs kernels: both builds over one plain memory, or a machine with threads. */
import { instantiateSync } from "@assemblyscript/loader";
import { Arena } from "../src/wasm/arena.ts";
import { writeConstants } from "../src/wasm/constants.ts";
import { createMachine, embeddedKernels } from "../src/wasm/embedded.ts";
import type { KernelName } from "../src/wasm/generated/kernels.ts";
import type { Machine } from "../src/wasm/machine.ts";

export type Build = "base" | "relaxed";

/** Memory that a read passes over: far more than any cache. */
export const STREAM_BYTES: number = 384 << 20;

export interface Stage {
  readonly arena: Arena;
  readonly threads: number;
  /** STREAM_BYTES bytes that every row may fill. */
  readonly stream: number;
  /** A kernel as a function of its units and arguments. */
  kernel(build: Build, name: KernelName): (units: number, ...args: readonly number[]) => void;
}

const SCRATCH_BYTES = 1 << 20;

type RawKernels = Record<KernelName, (first: number, last: number, scratch: number, ...args: number[]) => void>;

/** One thread, no machine around the kernels. */
export function plainStage(streamBytes: number = STREAM_BYTES): Stage {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 });
  writeConstants(memory);
  const modules = embeddedKernels();
  const start = (bytes: unknown) => {
    const module = new WebAssembly.Module(bytes as BufferSource);
    return instantiateSync(module, { env: { memory } }).exports as unknown as RawKernels;
  };
  const kernels = { base: start(modules.base), relaxed: start(modules.relaxed) };
  const arena = new Arena(memory);
  const scratch = arena.alloc(SCRATCH_BYTES);
  const stream = arena.alloc(streamBytes);
  const kernel: Stage["kernel"] = (build, name) => {
    const run = kernels[build][name];
    return (units, ...args) => run(0, units, scratch, ...args);
  };
  return { arena, threads: 1, stream, kernel };
}

/** A machine's kernels on all its threads, dispatch included; it has one build. */
export function machineStage(machine: Machine): Stage {
  const { arena, threads } = machine;
  const kernel: Stage["kernel"] =
    (_, name) =>
    (units, ...args) =>
      machine.call(name, units, ...args);
  return { arena, threads, stream: arena.alloc(STREAM_BYTES), kernel };
}

export { createMachine };
