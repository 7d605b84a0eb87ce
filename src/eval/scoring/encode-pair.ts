/**
 * Splits a request's tokens into context and continuation as lm-evaluation-harness does. White space at the end of the context moves
 * to the front of the continuation. The whole and the context are encoded without special tokens. If the context has n tokens, the
 * continuation's are those of the whole from number n on, even if the whole does not begin with the context's tokens.
 */
import { UsageError } from "../../base/errors.ts";
import { stripEnd } from "../../text/parts/python-text.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { LikelihoodRequest } from "./likelihood.ts";
import type { ScoredSequence } from "./token-tree.ts";

export interface EncodedPair {
  readonly context: readonly number[];
  readonly continuation: readonly number[];
}

/** Encodes requests. It keeps the ids of the last context, because successive requests mostly share it. */
export class PairEncoder {
  readonly #tokenizer: Pick<Tokenizer, "encodeAsync">;
  readonly #startId: number | undefined;
  #last: { readonly text: string; readonly ids: readonly number[] } = { text: "", ids: [] };

  /** @param startId takes the place of an empty context. */
  constructor(tokenizer: Pick<Tokenizer, "encodeAsync">, startId: number | undefined) {
    this.#tokenizer = tokenizer;
    this.#startId = startId;
  }

  /** @throws UsageError for an empty context without a start id, and for a continuation without tokens. */
  async encode({ context, continuation }: LikelihoodRequest, signal?: AbortSignal): Promise<EncodedPair> {
    const head = stripEnd(context);
    const whole = await this.#tokenizer.encodeAsync(context + continuation, { signal });
    const before = head === "" ? [this.#start()] : await this.#context(head, signal);
    const pair = { context: before, continuation: head === "" ? whole : whole.slice(before.length) };
    if (pair.continuation.length > 0) return pair;
    throw new UsageError("continuation", JSON.stringify(continuation), "text that adds a token to the context's");
  }

  async #context(text: string, signal?: AbortSignal): Promise<readonly number[]> {
    if (this.#last.text !== text) this.#last = { text, ids: await this.#tokenizer.encodeAsync(text, { signal }) };
    return this.#last.ids;
  }

  #start(): number {
    if (this.#startId !== undefined) return this.#startId;
    throw new UsageError("context", "an empty text", "a model with a BOS or EOS id to take its place");
  }
}

/**
 * The ids that the model reads for a pair: the last `maxPositions` + 1 ids without the very last one, which is only predicted. The
 * first of them is at position 0.
 * @throws UsageError for a continuation longer than `maxPositions`.
 */
export function sequenceOf(pair: EncodedPair, maxPositions: number): ScoredSequence & { readonly dropped: number } {
  const { context, continuation } = pair;
  if (continuation.length > maxPositions)
    throw new UsageError("continuation", `${continuation.length} tokens`, `at most ${maxPositions}, the context`);
  const ids = [...context, ...continuation];
  const dropped = Math.max(0, ids.length - maxPositions - 1);
  const input = Int32Array.from(ids.slice(dropped, ids.length - 1));
  return { ids: input, first: input.length - continuation.length, targets: continuation, dropped };
}
