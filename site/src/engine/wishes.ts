/** What the page asks of its engine and what it gets, in plain data that messages can carry. */

/** A model to open. */
export type ModelWish =
  | { readonly kind: "here"; readonly name: string }
  | { readonly kind: "url"; readonly url: string }
  | { readonly kind: "files"; readonly name: string; readonly files: readonly File[] }
  | { readonly kind: "stored"; readonly name: string };

/** How far a phase of a job is. `total` is 0 where it is unknown. */
export interface Step {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
}

/** The open model, as the page shows it. */
export interface OpenModel {
  readonly name: string;
  readonly modelType: string;
  readonly layers: number;
  readonly experts: number;
  readonly topK: number;
  readonly context: number;
  readonly parameters: number;
  readonly activeParameters: number;
  readonly averageBits: number;
  readonly trueBytes: number;
  readonly kernels: string;
  readonly threads: number;
  readonly activations: string;
}

/** The experts that one token was sent to in one layer, the heaviest first, with their routing weights. */
export interface TokenRoute {
  readonly layer: number;
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/** One generated token. A last piece may have text only; then its id is -1. */
export interface Token {
  readonly id: number;
  readonly text: string;
  readonly routes: readonly TokenRoute[];
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

export interface Written {
  readonly text: string;
  readonly stopReason: string;
  readonly promptTokens: number;
  readonly prefillTokensPerSecond: number;
  readonly decodeTokensPerSecond: number;
}

/** What to make of the open model: bits for all linears, a policy in one line, or the best of a kind within a budget. */
export interface GrindWish {
  readonly bits?: 2 | 3 | 4 | 8;
  readonly policy?: string;
  /** Average bits. */
  readonly budget?: number;
  /** Texts of 256 tokens that the model writes itself to calibrate on. */
  readonly samples: number;
  readonly seed: number;
}

/** A quantised model, measured against the float one. */
export interface Ground {
  readonly averageBits: number;
  readonly trueBytes: number;
  readonly floatBytes: number;
  readonly seconds: number;
  readonly kl: number;
  readonly klStdErr: number;
  readonly sameTop: number;
  readonly starved: number;
  /** Bits of each linear, by name. */
  readonly modules: readonly { readonly name: string; readonly bits: number }[];
  /** Names and sizes of the files that can be taken away. */
  readonly files: readonly { readonly name: string; readonly bytes: number }[];
}

export interface StoredModel {
  readonly name: string;
  readonly bytes: number;
}

/** Which of the two models of the page: the open one, or the one that was ground from it. */
export type Which = "open" | "ground";
