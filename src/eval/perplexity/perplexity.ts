/** Measures perplexity, exp of the mean negative log-likelihood a token, by one of several protocols. */
import { exp, log } from "../../base/exact-math.ts";
import { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import { checkContext } from "../../model/pass/check-session.ts";
import { startIdOf } from "../scoring/model-likelihood.ts";
import { type Protocol, type ProtocolOptions, protocolSequences, windowSequence } from "../scoring/protocols.ts";
import { longestWindow } from "../scoring/scored-windows.ts";
import { TokenScorer } from "../scoring/token-scorer.ts";
import type { ScoredSequence } from "../scoring/token-tree.ts";
import { RunningMean } from "../stats/means.ts";

/** The protocol, the context in tokens, and callbacks. */
export interface PerplexityOptions extends ProtocolOptions {
  /** Most ids of a window. Default: the model's context. */
  readonly context?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** Perplexity and mean negative log-likelihood in nats a token, each with its standard error, and the mean of every window. */
export interface Perplexity {
  readonly perplexity: number;
  /** perplexity * nllStdErr, to first order. */
  readonly perplexityStdErr: number;
  /** Mean negative log-likelihood in nats a scored token. */
  readonly nll: number;
  readonly nllStdErr: number;
  readonly scoredTokens: number;
  readonly windows: number;
  /** Mean of each window in nats a scored token, for paired tests of two models on the same windows. */
  readonly nllWindows: readonly number[];
  readonly protocol: Protocol;
}

/** The loss of a text by word and by byte instead of by token, so that models with different vocabularies can be compared. */
export interface TextPerplexity {
  readonly wordPerplexity: number;
  readonly bytePerplexity: number;
  readonly bitsPerByte: number;
  readonly words: number;
  readonly bytes: number;
}

/** Windows scored together. */
const CHUNK = 8;

/**
 * Perplexity of a stream of token ids. Default protocol: `windows` of 512 ids.
 * @throws UsageError for a window or stride out of range, or a stream too short for one window.
 */
export async function perplexity(
  model: Model,
  ids: readonly number[],
  options: PerplexityOptions = {},
): Promise<Perplexity> {
  const tokenizer = await model.tokenizerIfAny();
  const sequences = protocolSequences(ids, options, {
    maxPositions: checkContext(options.context ?? model.config.maxPositions, model.config.maxPositions),
    bosId: tokenizer?.addsBos === true ? tokenizer.bosId : undefined,
    startId: startIdOf(model, tokenizer),
  });
  return scoreSequences(model, sequences, options.protocol ?? "windows", options);
}

/**
 * Perplexity over given windows of token ids, which may differ in length; the first id of each is context only.
 * @throws UsageError for no windows, or one that is too short to score or too long for the model.
 */
export async function perplexityOfWindows(
  model: Model,
  windows: readonly (readonly number[])[],
  options: Omit<PerplexityOptions, keyof ProtocolOptions> = {},
): Promise<Perplexity> {
  longestWindow(windows, model.config.maxPositions);
  return scoreSequences(model, windows.map(windowSequence), "windows", options);
}

async function scoreSequences(
  model: Model,
  sequences: readonly ScoredSequence[],
  protocol: Protocol,
  options: Omit<PerplexityOptions, keyof ProtocolOptions>,
): Promise<Perplexity> {
  const turns = new Turns(options.signal);
  const losses = new RunningMean();
  const nllWindows: number[] = [];
  using scorer = new TokenScorer(model);
  for (let done = 0; done < sequences.length; done += CHUNK) {
    const chunk = sequences.slice(done, done + CHUNK);
    for (const { logProbs } of await scorer.score(chunk, turns)) {
      const own = new RunningMean();
      for (const sample of [losses, own]) for (const value of logProbs) sample.add(-value);
      nllWindows.push(own.mean);
    }
    options.onProgress?.({
      phase: "perplexity",
      done: done + chunk.length,
      total: sequences.length,
      unit: "windows",
    });
  }
  const value = exp(losses.mean);
  return {
    perplexity: value,
    perplexityStdErr: value * losses.stdErr,
    nll: losses.mean,
    nllStdErr: losses.stdErr,
    scoredTokens: losses.count,
    windows: sequences.length,
    nllWindows,
    protocol,
  };
}

/**
 * Word and byte perplexity and bits per byte of a text of `tokens` ids whose mean NLL is `nll` nats a token. Words are separated by
 * white space (lm-evaluation-harness, wikitext). Ids that a protocol does not score count as if they had the mean NLL.
 */
export function textPerplexity(text: string, tokens: number, nll: number): TextPerplexity {
  const words = text.split(/\s+/u).length;
  const bytes = new TextEncoder().encode(text).length;
  const total = nll * tokens;
  return {
    wordPerplexity: exp(total / words),
    bytePerplexity: exp(total / bytes),
    bitsPerByte: total / bytes / log(2),
    words,
    bytes,
  };
}
