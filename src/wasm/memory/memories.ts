/**
 * Keeps the linear memories of disposed machines for the next machine. JavaScript engines free a memory only when they collect garbage,
 * and they do not count its size, so that loading one model after the other would make the process grow. Only weak references are
 * kept, so that a memory which no machine takes can be collected.
 */

const idle: Record<"plain" | "shared", WeakRef<WebAssembly.Memory>[]> = { plain: [], shared: [] };
const MAX_PAGES = 65536;
const INITIAL_PAGES = 64;

/** Takes a memory, whose contents are arbitrary. */
export function takeMemory(shared: boolean): WebAssembly.Memory {
  const waiting = idle[shared ? "shared" : "plain"];
  for (let last = waiting.pop(); last !== undefined; last = waiting.pop()) {
    const memory = last.deref();
    if (memory !== undefined) return memory;
  }
  return new WebAssembly.Memory({ initial: INITIAL_PAGES, maximum: MAX_PAGES, shared });
}

/** Gives a memory back. Nothing may run in it any more. */
export function giveMemory(memory: WebAssembly.Memory, shared: boolean): void {
  idle[shared ? "shared" : "plain"].push(new WeakRef(memory));
}
