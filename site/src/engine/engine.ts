/** The engine of the page, in a worker that starts with the first call. */
import { connect, type WorkerEngine } from "../../../src/worker.ts";

let current: WorkerEngine | undefined;

export function engine(): WorkerEngine {
  current ??= connect(new Worker("worker.js", { type: "module", name: "quern" }));
  return current;
}

/** Gives up a worker that ended, so that the next call starts another one. */
export function forgetEngine(): void {
  current = undefined;
}
