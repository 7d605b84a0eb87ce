/** Everything that may end a request before it is answered, in one place. */

/**
 * The end of a request: its client goes, the server shuts down, or a part of it fails. A signal warns of more than a few listeners, and a
 * request may have a thousand parts, so that they watch this object instead.
 */
export class RequestEnd implements Disposable {
  readonly #abort: AbortController = new AbortController();
  readonly #actions: Set<() => void> = new Set();
  readonly #leave: () => void;

  /** @param client is aborted when the client goes. */
  constructor(client: AbortSignal) {
    // Runtimes give reasons of their own.
    const end = () => this.abort(new DOMException("the client has gone", "AbortError"));
    client.addEventListener("abort", end, { once: true });
    this.#leave = () => client.removeEventListener("abort", end);
    if (client.aborted) end();
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  /** Ends the request, unless it has ended. */
  abort(reason: unknown): void {
    if (this.signal.aborted) return;
    this.#abort.abort(reason);
    for (const action of [...this.#actions]) action();
  }

  /** Runs `action` when the request ends, until what is returned is disposed. @throws the reason if it has ended already. */
  watch(action: () => void): Disposable {
    this.signal.throwIfAborted();
    this.#actions.add(action);
    return { [Symbol.dispose]: () => void this.#actions.delete(action) };
  }

  /** The client is listened to no longer. */
  [Symbol.dispose](): void {
    this.#leave();
    this.#actions.clear();
  }
}
