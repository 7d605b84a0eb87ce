/** Serves the calls of a page: each in its turn, with its own signal, its events on the way, and its error as plain data. */
import { UsageError } from "../../base/errors.ts";
import { browserPlace } from "../store/browser-place.ts";
import type { StorePlace } from "../store/store-place.ts";
import { listStored, requirePlace } from "../store/stored-models.ts";
import { plainError } from "../wire/plain-error.ts";
import type { WorkerAnswer, WorkerCallName, WorkerCalls, WorkerEvent, WorkerRequest } from "../wire/worker-calls.ts";
import type { WorkerPort } from "../wire/worker-port.ts";
import { JobQueue } from "./job-queue.ts";
import { OpenModels } from "./open-models.ts";
import { runtimeFacts } from "./runtime-facts.ts";
import type { ServeOptions } from "./serve-options.ts";
import type { ServedRun } from "./served-run.ts";
import { tellText } from "./tell-text.ts";

type Serving = {
  readonly [Name in WorkerCallName]: (
    args: WorkerCalls[Name]["args"],
    run: ServedRun,
  ) => Promise<WorkerCalls[Name]["result"]>;
};

/** Calls that have the engine alone, and those that share it. All others are answered at once. */
const TURNS: Readonly<Partial<Record<WorkerCallName, "alone" | "shared">>> = {
  ...{ generate: "shared", load: "shared", encode: "shared", decode: "shared" },
  ...{ files: "shared", file: "shared", store: "shared" },
  ...{ quantize: "alone", compare: "alone", bench: "alone", dispose: "alone" },
};

export class EngineServer {
  readonly #port: WorkerPort;
  readonly #serving: Serving;
  readonly #jobs = new JobQueue();
  readonly #running = new Map<number, AbortController>();

  constructor(port: WorkerPort, { loadModel, storage }: ServeOptions) {
    this.#port = port;
    let place: Promise<StorePlace | undefined> | undefined;
    const placed = () => {
      place ??= storage === undefined ? browserPlace() : Promise.resolve(storage);
      return place;
    };
    this.#serving = servingOf(new OpenModels(placed, loadModel), placed);
  }

  take(asked: WorkerRequest): void {
    if ("abort" in asked) this.#running.get(asked.id)?.abort(new DOMException("the caller ended it", "AbortError"));
    else void this.#serve(asked.id, asked.call, asked.args);
  }

  async #serve(id: number, call: WorkerCallName, args: unknown): Promise<void> {
    const controller = new AbortController();
    const { signal } = controller;
    this.#running.set(id, controller);
    const tell = (event: WorkerEvent) => this.#say({ id, event });
    const run = { signal, tell, onProgress: (progress: ServedProgress) => tell({ progress }) };
    try {
      if (!Object.hasOwn(this.#serving, call))
        throw new UsageError("call", String(call), Object.keys(this.#serving).join(", "));
      const job = (): Promise<unknown> => this.#serving[call](args as never, run);
      const turn = TURNS[call];
      this.#say({ id, result: await (turn === undefined ? job() : this.#jobs.run(turn === "alone", signal, job)) });
    } catch (error) {
      this.#say({ id, error: plainError(error) });
    } finally {
      this.#running.delete(id);
    }
  }

  #say(answer: WorkerAnswer): void {
    const { result } = answer as { readonly result?: unknown };
    this.#port.postMessage(answer, result instanceof Uint8Array ? [result.buffer as ArrayBuffer] : []);
  }
}

type ServedProgress = Parameters<ServedRun["onProgress"]>[0];

/** What few callers need is loaded when it is first asked for. */
function servingOf(models: OpenModels, placed: () => Promise<StorePlace | undefined>): Serving {
  return {
    facts: async () => runtimeFacts(await placed()),
    load: ({ source, options }, run) => models.load(source, options, run),
    generate: (args, run) => tellText(models.take(args.model), args, run),
    encode: async ({ model, text }, { signal }) => (await models.take(model).tokenizer()).encodeAsync(text, { signal }),
    decode: async ({ model, ids }) => (await models.take(model).tokenizer()).decode(ids),
    quantize: async (args, run) => (await import("./grind.ts")).quantizeOpen(models, args, run),
    compare: async ({ model, reference, options }, run) =>
      (await import("./grind.ts")).compareOpen(models.take(model), models.take(reference), options, run),
    bench: async ({ model, options }, run) => {
      const { bench } = await import("../../bench/run/bench-model.ts");
      const { signal, onProgress } = run;
      models.take(model);
      return bench(() => models.again(model, run), { ...options, signal, onProgress });
    },
    files: ({ model }) => models.files(model),
    file: ({ model, name }) => models.file(model, name),
    dispose: async ({ model }) => void (await models.dispose(model)),
    store: ({ model, name }, run) => models.store(model, name, run),
    stored: async () => listStored(await placed()),
    discard: async (name) => void (await requirePlace(await placed(), name).remove(name)),
  };
}
