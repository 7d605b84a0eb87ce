/** Refuses calibration tokens that do not fit in memory at once, before any work, and says how many would. */
import { UsageError } from "../../base/errors.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Model } from "../../model/model.ts";
import { type StateOptions, stateBytes } from "../../model/pass/state/pass-state.ts";
import { stride } from "../../tensor/matrix.ts";

/** Tokens that run through a model at once. */
export interface BatchSize {
  readonly tokens: number;
  /** Tokens of the longest window. */
  readonly longest: number;
}

/** What a job takes beside the buffers that all such jobs have. */
export interface BatchNeeds {
  /** Rows of logits that are computed at a time. */
  readonly logitRows?: number;
  /** Bytes outside of the engine. */
  readonly outside?: number;
  /** Bytes of the engine that the job takes for other things. */
  readonly inside?: number;
}

/** Copies of the residual stream outside the engine that a job has at most (measured on quantising with error feedback). */
const STREAM_COPIES = 8;

/** Bytes of copies of the residual stream beyond those that every job has. */
export function furtherStreams({ config }: Pick<Model, "config">, { tokens }: BatchSize, copies: number): number {
  return Math.max(0, copies - STREAM_COPIES) * streamBytes(config, tokens);
}

/** The state of a batch. */
export function batchState({ tokens, longest }: BatchSize, logitRows: number = 0): StateOptions {
  return { capacity: tokens, cacheRows: tokens, logitRows, positions: longest, oneCache: true, exact: true };
}

/** Bytes that a batch takes, in the engine and outside of it. */
export function batchBytes(
  { config }: Pick<Model, "config">,
  size: BatchSize,
  logitRows?: number,
): Required<Pick<BatchNeeds, "inside" | "outside">> {
  const outside = STREAM_COPIES * streamBytes(config, size.tokens);
  return { inside: stateBytes(config, batchState(size, logitRows)), outside };
}

function streamBytes({ hiddenSize }: ModelConfig, tokens: number): number {
  return 4 * tokens * stride(hiddenSize);
}

/** @returns the bytes that a job keeps outside of the engine. @throws UsageError for more tokens than fit. */
export function requireRoom(model: Model, { tokens, longest }: BatchSize, needs: BatchNeeds = {}): number {
  const { logitRows, outside = 0, inside = 0 } = needs;
  const needOf = (count: number) => {
    const own = batchBytes(model, { tokens: count, longest }, logitRows);
    const beside = outside + own.outside;
    const room = model.weights.store.roomFor(beside);
    return { bytes: own.inside, beside, lacking: own.inside + inside - room.bytes, limit: room.limit };
  };
  const { bytes, beside, lacking, limit } = needOf(tokens);
  if (!(lacking > 0)) return beside;
  const { lacking: least } = needOf(0);
  // What is needed grows evenly with the tokens.
  const most = Math.max(0, Math.floor((tokens * least) / (least - lacking)));
  const mb = (count: number) => `${Math.ceil(count / 1e6)} MB`;
  const more = limit === undefined ? "" : `, or a memory limit of at least ${mb(limit + lacking)}`;
  throw new UsageError(
    "calibration",
    `${tokens} tokens, which take ${mb(bytes)} at once`,
    `at most ${most} (${Math.floor(most / longest)} windows of ${longest})${more}`,
  );
}
