/** Times calls. The clock may be coarse (a page's is), so short calls are repeated until they take long enough. */

const SAMPLE_MS = 20;

/** Work per second of `call`, repeated for at least 20 ms. */
export function timedRate(call: () => void, work: number, clock: () => number = () => performance.now()): number {
  const begin = clock();
  let calls = 0;
  let elapsed = 0;
  do {
    call();
    calls++;
    elapsed = clock() - begin;
  } while (elapsed < SAMPLE_MS);
  return (1000 * calls * work) / elapsed;
}

/** Mean of the smaller half of the values (of an odd number, one more), so that interruptions by other processes do not count. */
export function meanOfFaster(milliseconds: readonly number[]): number {
  const sorted = [...milliseconds].sort((a, b) => a - b).slice(0, Math.ceil(milliseconds.length / 2));
  return sorted.reduce((sum, each) => sum + each, 0) / sorted.length;
}

const CLOCK_CALLS = 2000;

/** Milliseconds that reading the clock takes. */
export function clockCost(): number {
  const begin = performance.now();
  for (let call = 0; call < CLOCK_CALLS; call++) performance.now();
  return (performance.now() - begin) / CLOCK_CALLS;
}
