/** Aborts a request whose connection falls silent, or when the caller's signal is aborted. */
export class Watchdog implements Disposable {
  readonly #controller = new AbortController();
  readonly #outer: AbortSignal | undefined;
  readonly #idleMs: number;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #follow = (): void => this.#controller.abort(this.#outer?.reason);

  constructor(idleMs: number, outer?: AbortSignal) {
    outer?.throwIfAborted();
    this.#idleMs = idleMs;
    this.#outer = outer;
    outer?.addEventListener("abort", this.#follow, { once: true });
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
    this.#outer?.removeEventListener("abort", this.#follow);
  }
}
