/** Lets the event loop run during long work, and stops the work when a signal is aborted. */
import { UsageError } from "./errors.ts";

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

/** When the event loop last had a turn. All the work of one call shares it. */
interface Clock {
  last: number;
}

/** Gives the event loop a turn now and then during long work, and throws the signal's reason once the signal is aborted. */
export class Turns {
  readonly signal: AbortSignal | undefined;
  readonly #clock: Clock;
  readonly #check: (() => void) | undefined;

  /**
   * @param check is called whenever the signal is checked, and ends the work by throwing.
   * @throws UsageError for a signal that is not an AbortSignal.
   */
  constructor(signal?: AbortSignal, check?: () => void, clock: Clock = { last: performance.now() }) {
    if (signal !== undefined && typeof signal?.throwIfAborted !== "function")
      throw new UsageError("signal", signal === null ? "null" : typeof signal, "an AbortSignal");
    this.signal = signal;
    this.#check = check;
    this.#clock = clock;
  }

  /** The same turns with one more check, which ends the work by throwing. */
  checking(check: () => void): Turns {
    return new Turns(
      this.signal,
      () => {
        check();
        this.#check?.();
      },
      this.#clock,
    );
  }

  /** Throws the signal's reason when it is aborted. */
  check(): void {
    this.signal?.throwIfAborted();
    this.#check?.();
  }

  /** Lets the event loop turn when 20 ms have passed since it last did; throws the signal's reason when aborted. */
  async pause(): Promise<void> {
    if (this.isDue()) await this.turn();
  }

  /** Whether it is time to `turn`: what runs for every token asks first, and makes no promise. @throws the signal's reason when aborted. */
  isDue(): boolean {
    this.check();
    return performance.now() - this.#clock.last >= EVERY_MS;
  }

  /** Lets the event loop turn now. */
  async turn(): Promise<void> {
    await macrotask();
    this.#clock.last = performance.now();
    this.check();
  }
}
