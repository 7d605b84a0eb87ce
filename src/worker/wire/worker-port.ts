/** What carries messages between a page and its worker, in the two shapes that runtimes give it. */

/**
 * A `Worker`, a `MessagePort`, the inside of a worker, or a worker of `node:worker_threads`. Those with `addEventListener` get events,
 * the others values.
 */
export interface WorkerPort {
  postMessage(message: unknown, transfer: ArrayBuffer[]): void;
  addEventListener?(type: string, listener: (event: Event) => void): void;
  on?(type: string, listener: (value: unknown) => void): unknown;
  start?(): void;
}

/** Hears all messages. `onEnd` is called with a reason when no more will come, as when a worker cannot be loaded or runs out of memory. */
export function listen(
  port: WorkerPort,
  onMessage: (message: unknown) => void,
  onEnd: (why: string) => void = () => {},
): void {
  const failed = (error: unknown) => onEnd((error as Partial<Error> | undefined)?.message || "it could not be started");
  if (port.addEventListener !== undefined) {
    port.addEventListener("message", (event) => onMessage((event as MessageEvent).data));
    port.addEventListener("error", failed);
    port.addEventListener("close", () => onEnd("its port was closed"));
  } else {
    port.on?.("message", onMessage);
    port.on?.("error", failed);
    port.on?.("exit", () => onEnd("it ended"));
  }
  port.start?.();
}
