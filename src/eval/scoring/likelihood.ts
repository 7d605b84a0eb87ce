/** The interface between evaluation and a model: two functions, so that tasks can score anything that gives log-likelihoods. */

/** Asks how likely `continuation` is after `context`. The model decides how the two are split into tokens. */
export interface LikelihoodRequest {
  /** May be empty; the continuation then begins a text. */
  readonly context: string;
  readonly continuation: string;
}

/** The sum of ln p over a continuation's tokens, in nats, and whether each of them is the likeliest. */
export interface Likelihood {
  /** Sum of ln p over the continuation's tokens. */
  readonly logLikelihood: number;
  /** Whether every token of the continuation is the likeliest one at its place. */
  readonly isGreedy: boolean;
  /** Tokens of context and continuation before truncation, and tokens cut off on the left; only from models that know tokens. */
  readonly contextTokens?: number;
  readonly continuationTokens?: number;
  readonly droppedTokens?: number;
}

/** A signal that stops the call. */
export interface LikelihoodOptions {
  readonly signal?: AbortSignal;
}

/** A model that can be evaluated: anything that gives log-likelihoods. */
export interface LikelihoodModel {
  /** One result for each request, in the same order. Results must not depend on the other requests of the call. */
  logLikelihoods(requests: readonly LikelihoodRequest[], options?: LikelihoodOptions): Promise<readonly Likelihood[]>;
  /** ln p of each whole text in nats, from its start. The model may cut long texts into windows. */
  rollingLogLikelihoods(texts: readonly string[], options?: LikelihoodOptions): Promise<readonly number[]>;
}
