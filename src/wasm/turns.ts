/** Gives way to the event loop during long work, and stops it when a signal says so. */

const EVERY_MS = 20;

type Immediate = (callback: () => void) => unknown;

/** Resolves in a later macrotask: timers, signals and input get their turn, which a resolved promise would not give. */
function macrotask(): Promise<void> {
  const immediate = (globalThis as { setImmediate?: Immediate }).setImmediate;
  if (immediate !== undefined) return new Promise((resolve) => immediate(() => resolve()));
  if (typeof MessageChannel === "undefined") return new Promise((resolve) => setTimeout(resolve, 0));
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(0);
  });
}

export class Turns {
  readonly #signal: AbortSignal | undefined;
  #last: number = performance.now();
  constructor(signal?: AbortSignal) {
    this.#signal = signal;
  }

  /** Throws the signal's reason when it is aborted. */
  check(): void {
    this.#signal?.throwIfAborted();
  }

  /** Lets the event loop turn when 20 ms have passed since it last did; throws the signal's reason when aborted. */
  async pause(): Promise<void> {
    this.check();
    if (performance.now() - this.#last < EVERY_MS) return;
    await this.turn();
  }

  /** Lets the event loop turn now. */
  async turn(): Promise<void> {
    await macrotask();
    this.#last = performance.now();
    this.check();
  }
}
