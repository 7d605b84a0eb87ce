/** The worker's side: answers the calls of a page. The engine is loaded with the first of them, so a page that imports this stays small. */
import type { ServeOptions } from "./server/serve-options.ts";
import { plainError } from "./wire/plain-error.ts";
import type { WorkerRequest } from "./wire/worker-calls.ts";
import { listen, type WorkerPort } from "./wire/worker-port.ts";

/** Serves an engine on a port, by default to the page that started this worker: `serve()`. */
export function serve(port: WorkerPort = globalThis as unknown as WorkerPort, options: ServeOptions = {}): void {
  const server = once(async () => new (await import("./server/engine-server.ts")).EngineServer(port, options));
  listen(port, (message) => {
    const fail = (error: unknown) =>
      port.postMessage({ id: (message as WorkerRequest).id, error: plainError(error) }, []);
    server().then((each) => each.take(message as WorkerRequest), fail);
  });
}

function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make();
    return made;
  };
}
