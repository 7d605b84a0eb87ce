/** What runs on an engine: jobs side by side, each with memory of its own, all of which end when the engine is disposed. */
import { UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";

export class Jobs {
  readonly #owner: string;
  readonly #ended: (() => void)[] = [];
  #running = 0;
  #closed = false;

  /** @param owner what the jobs run on, for messages. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Runs `work` beside the others. Closing ends it at its next turn. @throws UsageError after closing. */
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

  /** Begins a job that asks `check` itself whether to go on, and calls `leave` at its end. @throws UsageError after closing. */
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

  /** Refuses what will come, and ends what runs; resolves when nothing runs any more. */
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

/** @param owner what is gone. */
export function afterDisposal(owner: string): UsageError {
  return new UsageError(owner, "a call after disposal", `a live ${owner}`);
}
