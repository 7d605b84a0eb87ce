/** The page's side of an engine in a worker. */
import type { StoredModel, WorkerFacts, WorkerLoadOptions, WorkerSource } from "../wire/worker-calls.ts";
import type { WorkerPort } from "../wire/worker-port.ts";
import { type CallOptions, RemoteCalls } from "./remote-calls.ts";
import { openedModel, parted, type WorkerModel } from "./worker-model.ts";

/** An engine in a worker, and the models that the browser stores for it. */
export class WorkerEngine {
  readonly #calls: RemoteCalls;

  constructor(port: WorkerPort) {
    this.#calls = new RemoteCalls(port);
  }

  /** What the worker's runtime offers, and sentences on what it lacks. */
  facts(): Promise<WorkerFacts> {
    return this.#calls.call("facts", undefined);
  }

  /** Loads a model in the worker. */
  async load(source: WorkerSource | URL, options: WorkerLoadOptions & CallOptions = {}): Promise<WorkerModel> {
    const { sent, heard } = parted(options);
    const named = source instanceof URL ? source.href : source;
    return openedModel(this.#calls, await this.#calls.call("load", { source: named, options: sent }, heard));
  }

  /** The models in the browser's storage. */
  stored(): Promise<readonly StoredModel[]> {
    return this.#calls.call("stored", undefined);
  }

  /** Deletes a stored model. */
  async discard(name: string): Promise<void> {
    await this.#calls.call("discard", name);
  }
}

/** The engine that a worker serves: `connect(new Worker("worker.js", { type: "module" }))`. */
export function connect(worker: WorkerPort): WorkerEngine {
  return new WorkerEngine(worker);
}
