/** Turns a call that tells pieces into a generator of them. */

/**
 * Yields what `run` tells, in order, and returns its result. A caller that leaves the loop early ends the run.
 * @param run gets the function that tells pieces and a signal that is aborted when `signal` is, or when the caller leaves.
 */
export async function* streamed<Piece, Whole>(
  run: (tell: (pieces: readonly Piece[]) => void, signal: AbortSignal) => Promise<Whole>,
  signal: AbortSignal | undefined,
): AsyncGenerator<Piece, Whole> {
  const controller = new AbortController();
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener("abort", abort, { once: true });
  const told: Piece[] = [];
  let wake = () => {};
  const tell = (pieces: readonly Piece[]) => {
    told.push(...pieces);
    wake();
  };
  let isOver = false;
  const whole = run(tell, controller.signal).finally(() => {
    isOver = true;
    wake();
  });
  whole.catch(() => {}); // it is thrown below, once what was told before it has been yielded
  try {
    for (;;) {
      while (told.length > 0) yield told.shift() as Piece;
      if (isOver) return await whole;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    if (!isOver) controller.abort(new DOMException("the caller left the loop", "AbortError"));
  }
}
