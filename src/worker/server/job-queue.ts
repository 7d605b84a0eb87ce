/** Orders the work of a worker: texts are generated side by side, while quantising, measuring and disposing have the engine alone. */

interface Waiting {
  readonly alone: boolean;
  readonly start: () => void;
}

export class JobQueue {
  readonly #waiting: Waiting[] = [];
  #running = 0;
  #isAlone = false;

  /** Runs a job when its turn has come, first come, first served. @throws the signal's reason, also while it waits. */
  async run<T>(alone: boolean, signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    await this.#enter(alone, signal);
    try {
      signal.throwIfAborted();
      return await job();
    } finally {
      this.#running--;
      this.#isAlone = false;
      this.#next();
    }
  }

  #enter(alone: boolean, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const abort = () => {
        this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
        reject(signal.reason);
        this.#next();
      };
      const start = () => {
        signal.removeEventListener("abort", abort);
        resolve();
      };
      const waiting = { alone, start };
      signal.addEventListener("abort", abort, { once: true });
      this.#waiting.push(waiting);
      this.#next();
    });
  }

  #next(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#isAlone || (first.alone && this.#running > 0)) return;
      this.#waiting.shift();
      this.#running++;
      this.#isAlone = first.alone;
      first.start();
    }
  }
}
