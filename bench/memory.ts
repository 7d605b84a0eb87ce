/** Both kernel builds over one plain memory, without threads: what the kernel benchmark runs on. */
import { instantiateSync } from "@assemblyscript/loader";
import { Arena } from "../src/wasm/arena.ts";
import { writeConstants } from "../src/wasm/constants.ts";
import { embeddedKernels } from "../src/wasm/embedded.ts";
import type { KernelName } from "../src/wasm/generated/kernels.ts";

export type Build = "base" | "relaxed";
export type Kernels = Record<KernelName, (first: number, last: number, scratch: number, ...args: number[]) => void>;

const SCRATCH_BYTES = 1 << 20;

export interface KernelMemory {
  readonly arena: Arena;
  readonly kernels: Readonly<Record<Build, Kernels>>;
  readonly scratch: number;
}

export function createKernelMemory(): KernelMemory {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 65536 });
  writeConstants(memory);
  const modules = embeddedKernels();
  const start = (bytes: unknown) => {
    const { exports } = instantiateSync(new WebAssembly.Module(bytes as BufferSource), { env: { memory } });
    return exports as unknown as Kernels;
  };
  const arena = new Arena(memory);
  const kernels = { base: start(modules.base), relaxed: start(modules.relaxed) };
  return { arena, kernels, scratch: arena.alloc(SCRATCH_BYTES) };
}
