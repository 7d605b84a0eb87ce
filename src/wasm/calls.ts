/** Orders the calls of an object that can run only one at a time, such as a session. The others wait in their order. */
import { UsageError } from "../base/errors.ts";
import type { Turns } from "../base/turns.ts";
import { afterDisposal, type Jobs } from "./jobs.ts";

interface Waiter {
  readonly start: () => void;
  readonly refuse: (error: unknown) => void;
}

export class Calls {
  readonly #owner: string;
  readonly #jobs: Jobs | undefined;
  readonly #waiting: Waiter[] = [];
  readonly #ended: (() => void)[] = [];
  /** Name of the call that is running, or that is next. */
  #running: string | undefined;
  #closed = false;
  /** The last call's turns, and these turns with the check for closing. They are kept because callers pass the same turns for every token. */
  #turns: Turns | undefined;
  #checked: Turns | undefined;

  /**
   * @param owner name of the object, for messages.
   * @param jobs of the engine on which the calls run.
   */
  constructor(owner: string, jobs?: Jobs) {
    this.#owner = owner;
    this.#jobs = jobs;
  }

  /**
   * Runs `work` when its turn comes. `work` must not wait for another call of the same owner. Work that returns no promise is done when
   * `run` returns, so that a call for every token is cheap. @throws UsageError after closing.
   */
  run<T>(name: string, turns: Turns, work: (turns: Turns) => Promise<T> | T): Promise<T> {
    try {
      this.#check();
      turns.check();
      if (this.#running !== undefined) return this.#runLater(name, turns, work);
      this.#running = name;
      const result = this.#start(turns, work);
      return result instanceof Promise ? result : Promise.resolve(result);
    } catch (error) {
      return Promise.reject(error);
    }
  }

  async #runLater<T>(name: string, turns: Turns, work: (turns: Turns) => Promise<T> | T): Promise<T> {
    await this.#wait(name, turns.signal);
    return this.#start(turns, work);
  }

  /** Runs the call whose turn it is, and starts the next one at its end. */
  #start<T>(turns: Turns, work: (turns: Turns) => Promise<T> | T): Promise<T> | T {
    let isWaiting = false;
    try {
      this.#jobs?.enter();
    } catch (error) {
      this.#end();
      throw error;
    }
    try {
      const result = work(this.#checking(turns));
      isWaiting = result instanceof Promise;
      if (result instanceof Promise) return this.#finish(result);
      this.#check();
      return result;
    } finally {
      if (!isWaiting) this.#leave();
    }
  }

  async #finish<T>(result: Promise<T>): Promise<T> {
    try {
      const found = await result;
      this.#check();
      return found;
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#jobs?.leave();
    this.#end();
  }

  #end(): void {
    this.#running = undefined;
    this.#next();
  }

  #checking(turns: Turns): Turns {
    if (this.#checked === undefined || this.#turns !== turns) this.#checked = turns.checking(() => this.#check());
    this.#turns = turns;
    return this.#checked;
  }

  /** Checks that a call which cannot wait may run now. @throws UsageError after closing, and while another call runs. */
  requireFree(): void {
    this.#check();
    if (this.#running !== undefined)
      throw new UsageError(this.#owner, `a running call of ${this.#running}`, "no running call");
  }

  /** Refuses waiting and later calls, and ends the running one. `free` is called when nothing runs any more. */
  close(free: () => void): void {
    this.#closed = true;
    this.#ended.push(free);
    for (const { refuse } of this.#waiting.splice(0)) refuse(afterDisposal(this.#owner));
    this.#next();
  }

  #check(): void {
    if (this.#closed) throw afterDisposal(this.#owner);
    this.#jobs?.check();
  }

  #wait(name: string, signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve, reject) => {
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiter), 1);
        reject(signal?.reason);
      };
      const settled = () => signal?.removeEventListener("abort", leave);
      const waiter: Waiter = {
        start: () => {
          settled();
          this.#running = name;
          resolve();
        },
        refuse: (error) => {
          settled();
          reject(error);
        },
      };
      this.#waiting.push(waiter);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  #next(): void {
    if (this.#running !== undefined) return;
    this.#waiting.shift()?.start();
    if (this.#closed && this.#running === undefined) for (const free of this.#ended.splice(0)) free();
  }
}
