/**
 * The loop by which every thread plays a tape. Its text is also the worker's program (`String(playCalls)`), so it refers to nothing
 * outside itself and has no inner functions.
 */

/** Indices of the words in the control block that threads share. */
export const CONTROL = {
  epoch: 0,
  calls: 1,
  tape: 2,
  arrived: 3,
  generation: 4,
  failed: 5,
  stop: 6,
  words: 16,
} as const;

export type Kernel = (first: number, last: number, scratch: number, ...args: number[]) => void;

/**
 * Plays `calls` calls that begin at word `at`, and computes this thread's share of each. `control` is undefined if there is one thread.
 * If a kernel traps, the run is marked as failed. The thread still meets the others at barriers, so that none waits for ever.
 * @returns the error that a kernel threw, if any.
 */
export function playCalls(
  words: Int32Array,
  at: number,
  calls: number,
  kernels: readonly Kernel[],
  thread: number,
  threads: number,
  scratch: number,
  control: Int32Array | undefined,
  spins: number,
  mayWait: boolean,
): unknown {
  let failure: unknown;
  for (let call = 0; call <= calls; call++) {
    const p = at + call * 16;
    // All threads meet before a dependent call and after the last one (words 3 and 4: arrived, generation).
    if (control !== undefined && call > 0 && (call === calls || words[p + 3] === 0)) {
      const generation = Atomics.load(control, 4);
      if (Atomics.add(control, 3, 1) === threads - 1) {
        Atomics.store(control, 3, 0);
        Atomics.add(control, 4, 1);
        Atomics.notify(control, 4);
      } else {
        let rounds = 0;
        while (Atomics.load(control, 4) === generation) {
          if (++rounds > spins && mayWait) Atomics.wait(control, 4, generation);
        }
      }
    }
    if (call === calls) break;
    const start = words[p + 1];
    const units = words[p + 2] - start;
    const first = start + Math.ceil((units * thread) / threads);
    const last = start + Math.ceil((units * (thread + 1)) / threads);
    if (first === last) continue;
    try {
      // biome-ignore format: one line a call
      kernels[words[p]](first, last, scratch, words[p + 4], words[p + 5], words[p + 6], words[p + 7], words[p + 8], words[p + 9], words[p + 10], words[p + 11], words[p + 12], words[p + 13], words[p + 14], words[p + 15]);
    } catch (error) {
      failure = error;
      if (control !== undefined) Atomics.store(control, 5, 1);
    }
  }
  return failure;
}
