/** Keeps track of the jobs on an engine. They run at the same time, each in its own memory, and end when the engine is disposed. */
import { UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";

export class Jobs {
  readonly #owner: string;
  readonly #ended: (() => void)[] = [];
  #running = 0;
  #closed = false;

  /** @param owner name of what the jobs run on, for messages. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Runs `work` at the same time as the other jobs. Closing ends it at its next turn. @throws UsageError after closing. */
  async run<T>(turns: Turns, work: (turns: Turns) => Promise<T>): Promise<T> {
    turns.check();
    this.enter();
    try {
      const check = () => this.check();
      const result = await work(turns.checking(check));
      check();
      return result;
    } finally {
      this.leave();
    }
  }

  /** Begins a job that calls `check` itself while it runs, and `leave` at its end. @throws UsageError after closing. */
  enter(): void {
    this.check();
    this.#running++;
  }

  leave(): void {
    this.#running--;
    this.#tell();
  }

  /** @throws UsageError after closing. */
  check(): void {
    if (this.#closed) throw afterDisposal(this.#owner);
  }

  /** Refuses later jobs and ends the running ones. Resolves when nothing runs any more. */
  close(): Promise<void> {
    this.#closed = true;
    const ended = new Promise<void>((resolve) => this.#ended.push(resolve));
    this.#tell();
    return ended;
  }

  #tell(): void {
    if (this.#closed && this.#running === 0) for (const resolve of this.#ended.splice(0)) resolve();
  }
}

/** @param owner name of what has been disposed. */
export function afterDisposal(owner: string): UsageError {
  return new UsageError(owner, "a call after disposal", `a live ${owner}`);
}
