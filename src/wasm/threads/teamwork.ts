/**
 * How threads share the calls of a tape. One thread leads: it opens the calls between two barriers as a group of numbered chunks
 * (tickets), and every thread claims a ticket at a time, the leader too. So a thread that comes late, or that the system has taken its
 * core from, holds nobody up unless it is computing a chunk, and a call that is not worth sharing costs no barrier.
 *
 * The text of these functions is also the workers' program, so they refer to nothing outside themselves but each other, which a worker
 * gets as an argument, and have no inner functions.
 */

/**
 * Indices of the words in the control block. Words that different threads write lie 64 bytes apart.
 *
 * Tickets count on for ever (and wrap). `next` reaches `open` at most, so a thread that has claimed a ticket knows that its group is
 * still the open one: the leader opens the next group when all chunks are done.
 */
export const CONTROL = {
  /** Tickets opened so far. Helpers without work sleep here. */
  open: 0,
  /** The open group: word of its first call, number of calls, first ticket. */
  group: 1,
  calls: 2,
  base: 3,
  next: 16,
  /** Chunks that helpers have done. The leader sleeps here. */
  done: 32,
  isLeaderAsleep: 33,
  asleep: 48,
  failed: 49,
  stop: 50,
  /** Microseconds without work after which a helper sleeps. */
  patience: 51,
  /** Set when a thread did not run although it wanted to: other programs want the cores. */
  delayed: 52,
  words: 64,
} as const;

export type Kernel = (first: number, last: number, scratch: number, ...args: number[]) => void;

/** What a thread computes with. */
export interface Desk {
  readonly kernels: readonly Kernel[];
  readonly scratch: number;
  /** Chunks of a call at most. */
  readonly most: number;
}

/** Number of chunks of the call at word `p`, whose word 3 has twice the fewest units of a chunk (the lowest bit is `beside`). */
export function chunksOf(words: Int32Array, p: number, most: number): number {
  const units = words[p + 2] - words[p + 1];
  return Math.ceil(units / Math.max(words[p + 3] >>> 1, Math.ceil(units / most)));
}

/** Computes chunk `index` of the calls from word `p` on, cut as `chunksOf` counts. */
export function computeChunk(words: Int32Array, p: number, index: number, { kernels, scratch, most }: Desk): void {
  for (; ; p += 16) {
    const start = words[p + 1];
    const units = words[p + 2] - start;
    if (units === 0) continue;
    const grain = Math.max(words[p + 3] >>> 1, Math.ceil(units / most));
    if (index * grain >= units) {
      index -= Math.ceil(units / grain);
      continue;
    }
    const first = start + index * grain;
    const last = Math.min(first + grain, start + units);
    // biome-ignore format: one line a call
    kernels[words[p]](first, last, scratch, words[p + 4], words[p + 5], words[p + 6], words[p + 7], words[p + 8], words[p + 9], words[p + 10], words[p + 11], words[p + 12], words[p + 13], words[p + 14], words[p + 15]);
    return;
  }
}

/** What a helper gets in its first message. */
export interface HelperTask {
  /** Modules of kernels; a later one's kernels replace those of the same name. */
  readonly modules: readonly WebAssembly.Module[];
  readonly memory: WebAssembly.Memory;
  readonly control: Int32Array;
  readonly names: readonly string[];
  readonly scratch: number;
  readonly most: number;
}

/** Runs in the worker: claims tickets, sleeps when none was open for a while, and ends when it is told to stop. */
export function helperMain(task: HelperTask, compute: typeof computeChunk, ready: () => void): void {
  const { modules, memory, control, names, scratch, most } = task;
  const exported: Record<string, unknown> = {};
  for (const module of modules) Object.assign(exported, new WebAssembly.Instance(module, { env: { memory } }).exports);
  const desk = { kernels: names.map((name) => exported[name]) as never, scratch, most };
  const { pause } = Atomics as { pause?: () => void };
  let words = new Int32Array(memory.buffer);
  // Rounds without work, and the clock's time at the first and the last look.
  let rounds = 0;
  let since = 0;
  let before = 0;
  ready();
  for (;;) {
    const ticket = Atomics.load(control, 16);
    if (ticket === Atomics.load(control, 0)) {
      if (pause !== undefined) pause();
      if ((++rounds & 63) !== 0) continue;
      const now = performance.now();
      if (rounds === 64) since = now;
      else if (now - before > 1) Atomics.store(control, 52, 1);
      before = now;
      if (1000 * (now - since) < Atomics.load(control, 51)) continue;
      Atomics.add(control, 48, 1);
      Atomics.wait(control, 0, ticket);
      Atomics.sub(control, 48, 1);
      rounds = 0;
      continue;
    }
    if (Atomics.load(control, 50) === 1) return;
    if (Atomics.compareExchange(control, 16, ticket, (ticket + 1) | 0) !== ticket) continue;
    rounds = 0;
    const at = control[1];
    // After another thread has grown the memory, it may take a moment until this thread sees it. If the memory grew while this thread
    // started, nobody tells it; growing by nothing asks.
    while (words.buffer !== memory.buffer || at + control[2] * 16 > words.length) {
      if (words.buffer === memory.buffer) memory.grow(0);
      words = new Int32Array(memory.buffer);
    }
    try {
      compute(words, at, (ticket - control[3]) | 0, desk);
    } catch {
      Atomics.store(control, 49, 1);
    }
    Atomics.add(control, 32, 1);
    if (Atomics.load(control, 33) === 1) Atomics.notify(control, 32);
  }
}
