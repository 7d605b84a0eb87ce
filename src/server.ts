/** Exports `quern-server`: an HTTP server of models as a `fetch` handler for any runtime, with the endpoints of the OpenAI API. */
import { HttpServer } from "./server/http-server.ts";
import type { ServerOptions } from "./server/server-options.ts";

export { HttpServer } from "./server/http-server.ts";
export type { ServerOptions } from "./server/server-options.ts";

/** A server of models. Its `fetch` answers requests on any runtime; `close` lets those that run end. @throws UsageError for an option out of range. */
export function createServer(options: ServerOptions): HttpServer {
  return new HttpServer(options);
}
