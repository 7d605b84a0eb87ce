/** Memory of the arena for one piece of work. While it runs, nothing else may allocate there. */
import type { Machine } from "../wasm/machine.ts";

/** Runs `work`; whatever it allocated is free afterwards, also when it throws or is aborted. */
export async function inScratch<T>(machine: Machine, work: () => Promise<T>): Promise<T> {
  const mark = machine.arena.mark();
  try {
    return await work();
  } finally {
    machine.arena.release(mark);
  }
}

/** Copies data into the arena. */
export function place(machine: Machine, data: Int32Array | Float64Array | Uint8Array | Float32Array): number {
  const ptr = machine.arena.alloc(data.byteLength);
  machine.arena.u8(ptr, data.byteLength).set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  return ptr;
}
