/** Exports `quern/worker`: an engine in a worker, so that a page or a server stays free while models run. */
export { connect, WorkerEngine } from "./worker/client/connect.ts";
export { droppedFiles } from "./worker/client/dropped-files.ts";
export type { CallOptions } from "./worker/client/remote-calls.ts";
export { WorkerModel } from "./worker/client/worker-model.ts";
export { serve } from "./worker/serve.ts";
export type { ServeOptions } from "./worker/server/serve-options.ts";
export type { StorePlace } from "./worker/store/store-place.ts";
export type {
  FileFacts,
  RoutedPiece,
  StoredModel,
  TokenRoute,
  WorkerCompareOptions,
  WorkerFacts,
  WorkerGenerateOptions,
  WorkerLoadOptions,
  WorkerQuantizeOptions,
  WorkerSource,
} from "./worker/wire/worker-calls.ts";
export type { WorkerPort } from "./worker/wire/worker-port.ts";
