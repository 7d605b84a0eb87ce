/** Aborts a request whose connection falls silent, or when the caller's signal is aborted. */
import { onAbort } from "./on-abort.ts";

export class Watchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #unfollow: () => void;
  readonly #idleMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(idleMs: number, outer?: AbortSignal) {
    outer?.throwIfAborted();
    this.#idleMs = idleMs;
    this.#unfollow = onAbort(outer, () => this.#controller.abort(outer?.reason));
    this.alive();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Something arrived: the time of silence begins anew. */
  alive(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#controller.abort(new Error(`the connection was silent for ${this.#idleMs} ms`)),
      this.#idleMs,
    );
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    this.#unfollow();
  }
}
