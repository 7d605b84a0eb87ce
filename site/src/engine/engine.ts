/** The page's side of the worker: calls that return promises, tell what happens on the way, and end when their signal does. */
import type { Answered, Asked, CallName, Calls } from "../worker/calls.ts";

export interface CallOptions<Name extends CallName> {
  readonly signal?: AbortSignal;
  readonly onEvent?: (event: Calls[Name]["event"]) => void;
}

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
  readonly onEvent?: (event: never) => void;
}

/** An error of the worker, with the code that the library gave it. */
export class EngineError extends Error {
  override readonly name: string;
  readonly code: string | undefined;
  constructor({ message, name, code }: { readonly message: string; readonly name: string; readonly code?: string }) {
    super(message);
    this.name = name;
    this.code = code;
  }
}

class Engine {
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #count = 0;

  call<Name extends CallName>(
    call: Name,
    args: Calls[Name]["args"],
    { signal, onEvent }: CallOptions<Name> = {},
  ): Promise<Calls[Name]["result"]> {
    signal?.throwIfAborted();
    const id = this.#count++;
    const worker = this.#started();
    const ask = (asked: Asked) => worker.postMessage(asked);
    const end = () => ask({ id, abort: true });
    signal?.addEventListener("abort", end, { once: true });
    return new Promise<Calls[Name]["result"]>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, onEvent });
      ask({ id, call, args });
    }).finally(() => signal?.removeEventListener("abort", end));
  }

  /** Starts the worker with the first call. A worker that breaks fails its calls, and the next call starts another. */
  #started(): Worker {
    if (this.#worker !== undefined) return this.#worker;
    const worker = new Worker("worker.js", { type: "module", name: "quern" });
    worker.addEventListener("message", ({ data }: MessageEvent<Answered>) => this.#take(data));
    worker.addEventListener("error", (event) => {
      this.#worker = undefined;
      worker.terminate();
      const message = event.message || "the engine's worker could not be started";
      for (const { reject } of this.#waiting.values()) reject(new EngineError({ message, name: "Error" }));
      this.#waiting.clear();
    });
    this.#worker = worker;
    return worker;
  }

  #take(answer: Answered): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    if ("event" in answer) {
      waiting.onEvent?.(answer.event as never);
      return;
    }
    this.#waiting.delete(answer.id);
    if ("error" in answer) waiting.reject(new EngineError(answer.error));
    else waiting.resolve(answer.result as never);
  }
}

export const engine: Engine = new Engine();
