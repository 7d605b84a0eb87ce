/** The calling side: calls that return promises, tell what happens on the way, and end when their signal does. */
import { UsageError, WorkerError } from "../../base/errors.ts";
import type { Progress } from "../../model/model.ts";
import { revivedError } from "../wire/plain-error.ts";
import type { RoutedPiece, WorkerAnswer, WorkerCallName, WorkerCalls } from "../wire/worker-calls.ts";
import { listen, type WorkerPort } from "../wire/worker-port.ts";

/** A signal that ends a call within one pass, and functions that hear of its progress and its warnings. */
export interface CallOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onWarning?: (sentence: string) => void;
}

export interface StreamOptions extends CallOptions {
  readonly onPieces?: (pieces: readonly RoutedPiece[]) => void;
}

interface Waiting extends StreamOptions {
  readonly resolve: (result: never) => void;
  readonly reject: (error: unknown) => void;
}

export class RemoteCalls {
  readonly #port: WorkerPort;
  readonly #waiting = new Map<number, Waiting>();
  #count = 0;
  #ended: WorkerError | undefined;

  constructor(port: WorkerPort) {
    this.#port = port;
    listen(
      port,
      (message) => this.#take(message as WorkerAnswer),
      (why) => this.#end(why),
    );
  }

  /** @throws the worker's error, as its class; the signal's reason; WorkerError once the worker has ended. */
  async call<Name extends WorkerCallName>(
    call: Name,
    args: WorkerCalls[Name]["args"],
    options: StreamOptions = {},
  ): Promise<WorkerCalls[Name]["result"]> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#ended !== undefined) throw this.#ended;
    const id = this.#count++;
    const abort = () => this.#port.postMessage({ id, abort: true }, []);
    try {
      return await new Promise((resolve, reject) => {
        this.#waiting.set(id, { ...options, resolve, reject });
        this.#ask(id, call, args);
        signal?.addEventListener("abort", abort, { once: true });
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw error;
    } finally {
      this.#waiting.delete(id);
      signal?.removeEventListener("abort", abort);
    }
  }

  #ask(id: number, call: WorkerCallName, args: unknown): void {
    try {
      this.#port.postMessage({ id, call, args }, []);
    } catch (cause) {
      throw new UsageError(call, (cause as Error).message, "arguments that messages can carry: plain data and files");
    }
  }

  #take(answer: WorkerAnswer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    if ("error" in answer) waiting.reject(revivedError(answer.error));
    else if ("result" in answer) waiting.resolve(answer.result as never);
    else if ("progress" in answer.event) waiting.onProgress?.(answer.event.progress);
    else if ("warning" in answer.event) waiting.onWarning?.(answer.event.warning);
    else waiting.onPieces?.(answer.event.pieces);
  }

  #end(why: string): void {
    this.#ended ??= new WorkerError("worker", `${why}; its models are gone, and \`connect\` takes a new worker`);
    for (const { reject } of this.#waiting.values()) reject(this.#ended);
  }
}
