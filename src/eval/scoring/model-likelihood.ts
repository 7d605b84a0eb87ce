/** Computes log-likelihoods with a `Model`. */
import { FormatError, UsageError } from "../../base/errors.ts";
import { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import { checkContext } from "../../model/pass/check-session.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { Calls } from "../../wasm/calls.ts";
import { PairEncoder, sequenceOf } from "./encode-pair.ts";
import type { Likelihood, LikelihoodModel, LikelihoodOptions, LikelihoodRequest } from "./likelihood.ts";
import { rollingSequences } from "./protocols.ts";
import { TokenScorer, type TokenScorerOptions } from "./token-scorer.ts";

/** A request that cannot be scored; `request` is its index in the call. */
export class RequestError extends UsageError {
  override readonly name: string = "RequestError";
  readonly request: number;
  /** What is wrong with the request. */
  readonly reason: string;
  constructor(request: number, cause: UsageError) {
    const { where, found, expected } = cause.details as Readonly<Record<string, string>>;
    super(`request ${request}: ${where}`, found, expected);
    this.request = request;
    this.reason = cause.message;
  }
}

export interface ModelLikelihoodOptions extends TokenScorerOptions {
  /** Most tokens of one request; longer ones lose their beginning. Default: the model's context. */
  readonly context?: number;
}

/**
 * Log-likelihoods by a `Model`. Beginnings that requests share are computed once, within a call and from one call to the next. Calls
 * at the same time wait for each other, in their order. Disposal ends the call that is running.
 */
export class ModelLikelihood implements LikelihoodModel, Disposable {
  readonly model: Model;
  readonly #scorer: TokenScorer;
  readonly #context: number;
  readonly #calls: Calls = new Calls("likelihood");

  /** @throws UsageError for a context longer than the model's. */
  constructor(model: Model, options: ModelLikelihoodOptions = {}) {
    const { maxPositions } = model.config;
    this.model = model;
    this.#context = checkContext(options.context ?? maxPositions, maxPositions);
    this.#scorer = new TokenScorer(model, options);
  }

  /** Tokens that the model has computed for all requests so far. */
  get computedTokens(): number {
    return this.#scorer.computedTokens;
  }

  /**
   * One result for each request, in the same order. All requests are checked before the first is scored.
   * @throws RequestError for a request that cannot be scored; FileError without a tokenizer; FormatError for a tokenizer that does
   * not fit the model.
   */
  async logLikelihoods(
    requests: readonly LikelihoodRequest[],
    options: LikelihoodOptions = {},
  ): Promise<readonly Likelihood[]> {
    const turns = new Turns(options.signal);
    return this.#calls.run("logLikelihoods", turns, (own) => this.#score(requests, own));
  }

  async #score(requests: readonly LikelihoodRequest[], turns: Turns): Promise<readonly Likelihood[]> {
    const tokenizer = await this.model.tokenizer();
    const encoder = new PairEncoder(tokenizer, startIdOf(this.model, tokenizer));
    const pairs: { readonly context: number; readonly sequence: ReturnType<typeof sequenceOf> }[] = [];
    for (const [index, request] of requests.entries()) {
      const pair = await attempt(index, () => encoder.encode(request, turns.signal));
      this.#checkFit(pair.context);
      this.#checkFit(pair.continuation);
      pairs.push({
        context: pair.context.length,
        sequence: await attempt(index, () => sequenceOf(pair, this.#context)),
      });
      await turns.pause();
    }
    const scores = await this.#scorer.score(
      pairs.map(({ sequence }) => sequence),
      turns,
    );
    return scores.map(({ logProbs, isGreedy }, index) => ({
      logLikelihood: sum(logProbs),
      isGreedy,
      contextTokens: pairs[index].context,
      continuationTokens: logProbs.length,
      droppedTokens: pairs[index].sequence.dropped,
    }));
  }

  /**
   * ln p of each text in nats, after the start id. Texts are cut into windows of the context, and each window scores the tokens that no
   * earlier one has scored (as the harness does).
   */
  async rollingLogLikelihoods(texts: readonly string[], options: LikelihoodOptions = {}): Promise<readonly number[]> {
    const turns = new Turns(options.signal);
    return this.#calls.run("rollingLogLikelihoods", turns, (own) => this.#scoreRolling(texts, own));
  }

  async #scoreRolling(texts: readonly string[], turns: Turns): Promise<readonly number[]> {
    const tokenizer = await this.model.tokenizer();
    const startId = startIdOf(this.model, tokenizer);
    if (startId === undefined) throw new UsageError("model", "no BOS or EOS id", "one to put before a text");
    const results: number[] = [];
    for (const text of texts) {
      const ids = await tokenizer.encodeAsync(text, { signal: turns.signal });
      this.#checkFit(ids);
      let total = 0;
      for (const sequence of rollingSequences(ids, startId, this.#context))
        total += sum((await this.#scorer.score([sequence], turns))[0].logProbs);
      results.push(total);
    }
    return results;
  }

  /** Ends the call that is running. The memory is freed once it has stopped. */
  [Symbol.dispose](): void {
    this.#calls.close(() => {});
    this.#scorer[Symbol.dispose]();
  }

  #checkFit(ids: readonly number[]): void {
    const { vocabSize } = this.model.config;
    const stranger = ids.find((id) => id >= vocabSize);
    if (stranger === undefined) return;
    throw new FormatError(
      `${this.model.files.name}/tokenizer.json`,
      `found the id ${stranger} in a text, expected ids below the model's vocabulary size, ${vocabSize}; the tokenizer belongs to another model`,
    );
  }
}

/** The id to put before a text's first token: BOS, or EOS if the model has no BOS. */
export function startIdOf(model: Model, tokenizer: Tokenizer | undefined): number | undefined {
  return model.config.bosId ?? tokenizer?.bosId ?? model.config.eosIds[0] ?? tokenizer?.eosId;
}

async function attempt<T>(request: number, action: () => T | Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (error instanceof UsageError) throw new RequestError(request, error);
    throw error;
  }
}

function sum(logProbs: Float64Array): number {
  let total = 0;
  for (const value of logProbs) total += value;
  return total;
}
