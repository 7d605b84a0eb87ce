/**
 * Linear memories that a disposed machine left behind, for the next one to take: engines free a memory only when they collect
 * garbage, and know little of its size, so that loading model after model would grow the process. Only weak references are kept:
 * what nobody takes can be collected.
 */

const idle: Record<"plain" | "shared", WeakRef<WebAssembly.Memory>[]> = { plain: [], shared: [] };
const MAX_PAGES = 65536;
const INITIAL_PAGES = 64;

/** A memory with arbitrary contents. */
export function takeMemory(shared: boolean): WebAssembly.Memory {
  const waiting = idle[shared ? "shared" : "plain"];
  for (let last = waiting.pop(); last !== undefined; last = waiting.pop()) {
    const memory = last.deref();
    if (memory !== undefined) return memory;
  }
  return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES, shared });
}

/** Gives a memory back; nothing may run on it any more. */
export function giveMemory(memory: WebAssembly.Memory, shared: boolean): void {
  idle[shared ? "shared" : "plain"].push(new WeakRef(memory));
}
