/** Time as progress sees it; tests bring a clock of their own. */
export interface Clock {
  /** Milliseconds since any fixed moment. */
  now(): number;
  /** Calls once, after so many milliseconds; returns what takes it back. */
  after(milliseconds: number, call: () => void): () => void;
}

/** The machine's. A call that is due keeps no process alive. */
export const SYSTEM_CLOCK: Clock = {
  now: () => performance.now(),
  after(milliseconds, call) {
    const timer = setTimeout(call, milliseconds);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
