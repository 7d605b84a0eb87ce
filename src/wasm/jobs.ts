/**
 * Whose turn it is. What works on one memory stands in one line, first come first served: `shared` work runs side by side, work
 * that runs `alone` has all of it to itself. A machine has such a line, and so has everything else that one call at a time may use.
 */
import { UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";

interface Waiter {
  /** Name of work that must be alone; undefined for shared work. */
  readonly alone: string | undefined;
  readonly start: () => void;
  readonly refuse: (error: unknown) => void;
}

export class Jobs {
  readonly #owner: string;
  readonly #waiting: Waiter[] = [];
  readonly #stopped: (() => void)[] = [];
  #shared = 0;
  #alone: string | undefined;
  #closed = false;

  /** @param owner whose line it is, for messages. */
  constructor(owner: string) {
    this.#owner = owner;
  }

  /** Runs `work` when its turn comes, beside other shared work. Never wait inside it for another turn of the same line. */
  shared<T>(turns: Turns, work: (turns: Turns) => Promise<T>): Promise<T> {
    return this.#run(undefined, turns, work);
  }

  /** Runs `work` when its turn comes, with nothing beside it. */
  alone<T>(name: string, turns: Turns, work: (turns: Turns) => Promise<T>): Promise<T> {
    return this.#run(name, turns, work);
  }

  /** @throws UsageError after closing. */
  check(): void {
    if (this.#closed) throw afterDisposal(this.#owner);
  }

  /** For calls that cannot wait. @throws UsageError after closing, and while work that must be alone is running. */
  requireFree(): void {
    this.check();
    if (this.#alone !== undefined)
      throw new UsageError(this.#owner, `${this.#alone} at work on it`, "that to be finished first");
  }

  /** Refuses what waits and what will come, and ends what runs; `free` is called when nothing runs any more. */
  close(free: () => void): void {
    this.#closed = true;
    this.#stopped.push(free);
    for (const { refuse } of this.#waiting.splice(0)) refuse(afterDisposal(this.#owner));
    this.#advance();
  }

  async #run<T>(alone: string | undefined, turns: Turns, work: (turns: Turns) => Promise<T>): Promise<T> {
    this.check();
    turns.check();
    if (this.#waiting.length === 0 && this.#fits(alone)) this.#enter(alone);
    else await this.#wait(alone, turns.signal);
    try {
      const check = () => this.check();
      const result = await work(turns.checking(check));
      check();
      return result;
    } finally {
      if (alone === undefined) this.#shared--;
      else this.#alone = undefined;
      this.#advance();
    }
  }

  #fits(alone: string | undefined): boolean {
    return this.#alone === undefined && (alone === undefined || this.#shared === 0);
  }

  #enter(alone: string | undefined): void {
    if (alone === undefined) this.#shared++;
    else this.#alone = alone;
  }

  #wait(alone: string | undefined, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
        this.#advance(); // those behind may fit beside what runs
      };
      const settled = <A extends readonly unknown[]>(settle: (...args: A) => void) => {
        return (...args: A) => {
          signal?.removeEventListener("abort", leave);
          settle(...args);
        };
      };
      const waiter: Waiter = { alone, start: settled(resolve), refuse: settled(reject) };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Lets in whoever is first in the line, as long as they fit beside what runs. */
  #advance(): void {
    for (let next = this.#waiting[0]; next !== undefined && this.#fits(next.alone); next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#enter(next.alone);
      next.start();
    }
    if (this.#closed && this.#shared === 0 && this.#alone === undefined)
      for (const free of this.#stopped.splice(0)) free();
  }
}

/** @param owner what is gone. */
export function afterDisposal(owner: string): UsageError {
  return new UsageError(owner, "a call after disposal", `a live ${owner}`);
}
