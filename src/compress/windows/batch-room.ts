/** Refuses calibration tokens that do not fit in memory at once, before any work, and says how many would. */
import { UsageError } from "../../base/errors.ts";
import type { Model } from "../../model/model.ts";
import { type StateOptions, stateBytes } from "../../model/pass/state/pass-state.ts";
import { stride } from "../../tensor/matrix.ts";
import type { GridSettings } from "../recipe/settings.ts";

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
  /** Copies of the residual stream outside the engine that the job has at a time. Default: FEEDBACK_COPIES, the most. */
  readonly copies?: number;
}

/** Copies of the residual stream that quantising with error feedback has at a time (measured). */
const FEEDBACK_COPIES = 8;

/** The same for jobs that read the stream in the engine: none, and one to spare. */
export const PLAIN_COPIES = 1;

/** Copies of the residual stream that quantising has at a time. */
export function streamCopies({ errorFeedback = 0 }: GridSettings): number {
  return errorFeedback > 0 ? FEEDBACK_COPIES : PLAIN_COPIES;
}

/** The state of a batch. */
export function batchState({ tokens, longest }: BatchSize, logitRows: number = 0): StateOptions {
  return { capacity: tokens, cacheRows: tokens, logitRows, positions: longest, oneCache: true, exact: true };
}

/** Bytes that a batch takes, in the engine and outside of it. */
export function batchBytes(
  { config }: Pick<Model, "config">,
  size: BatchSize,
  { logitRows, copies = FEEDBACK_COPIES }: Pick<BatchNeeds, "logitRows" | "copies"> = {},
): Required<Pick<BatchNeeds, "inside" | "outside">> {
  const outside = 4 * copies * size.tokens * stride(config.hiddenSize);
  return { inside: stateBytes(config, batchState(size, logitRows)), outside };
}

/** @returns the bytes that a job keeps outside of the engine. @throws UsageError for more tokens than fit. */
export function requireRoom(model: Model, { tokens, longest }: BatchSize, needs: BatchNeeds = {}): number {
  const { outside = 0, inside = 0 } = needs;
  const needOf = (count: number) => {
    const own = batchBytes(model, { tokens: count, longest }, needs);
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
