/** What the page asks of its engine, and the model that is open. */
import type { WorkerModel } from "../../../src/worker.ts";

/** A model to open. */
export type ModelWish =
  | { readonly kind: "here"; readonly name: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "files"; readonly name: string; readonly files: readonly File[] }
  | { readonly kind: "stored"; readonly name: string };

/** The open model, under the name that the page gives it. */
export interface OpenModel {
  readonly name: string;
  readonly worker: WorkerModel;
}

export interface Sampling {
  readonly maxTokens: number;
  readonly temperature: number;
  readonly topP: number;
  readonly topK: number;
  readonly minP: number;
  readonly repetitionPenalty: number;
  readonly seed: number;
}
