/** What evaluation asks of a model: two functions, so that tasks score anything that gives log-likelihoods. */

/** How likely is `continuation` after `context`? Where the tokens part is the model's own affair. */
export interface LikelihoodRequest {
  /** May be empty: the continuation then follows the start of a text. */
  readonly context: string;
  readonly continuation: string;
}

/** The sum of ln p over a continuation's tokens, in nats, and whether each of them is the likeliest. */
export interface Likelihood {
  /** Sum of ln p over the continuation's tokens. */
  readonly logLikelihood: number;
  /** Whether every token of the continuation is the likeliest one at its place. */
  readonly isGreedy: boolean;
  /** Tokens of context and continuation before truncation, and tokens cut off on the left; where the model knows tokens. */
  readonly contextTokens?: number;
  readonly continuationTokens?: number;
  readonly droppedTokens?: number;
}

/** How a call is stopped. */
export interface LikelihoodOptions {
  readonly signal?: AbortSignal;
}

/** What can be evaluated: anything that gives log-likelihoods, one a request, in their order. */
export interface LikelihoodModel {
  /** One result a request, in their order. Results must not depend on what else is asked in the same call. */
  logLikelihoods(requests: readonly LikelihoodRequest[], options?: LikelihoodOptions): Promise<readonly Likelihood[]>;
  /** ln p of each whole text from its start, long ones in windows as the model sees fit. */
  rollingLogLikelihoods(texts: readonly string[], options?: LikelihoodOptions): Promise<readonly number[]>;
}
