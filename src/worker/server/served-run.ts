/** What a call of the worker gets besides its arguments. */
import type { Progress } from "../../model/model.ts";
import type { WorkerEvent } from "../wire/worker-calls.ts";

export interface ServedRun {
  readonly signal: AbortSignal;
  readonly tell: (event: WorkerEvent) => void;
  readonly onProgress: (progress: Progress) => void;
}
