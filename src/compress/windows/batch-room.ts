/** Refuses calibration tokens that do not fit in memory at once, before any work, and says how many would. */
import { UsageError } from "../../base/errors.ts";
import type { Model } from "../../model/model.ts";
import { type StateOptions, stateBytes } from "../../model/pass/state/pass-state.ts";
import { LINEAR_SITES, type LinearSite, siteOf } from "../../model/weights/sites.ts";
import { mostOfLayer } from "../../model/weights/weight-tree.ts";
import type { LinearShape } from "../../tensor/linear-shape.ts";
import { stride } from "../../tensor/matrix.ts";
import { type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import { heldBytes } from "../result/held-matrices.ts";
import { placedBytes } from "./place-quantized.ts";

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
  /** Whether weights that the job puts in place may have an order of columns of their own. Default true. */
  readonly reorders?: boolean;
}

/** Copies of the residual stream that quantising with error feedback has at a time (measured). */
const FEEDBACK_COPIES = 5;

/** The same for jobs that read the stream in the engine: none, and one to spare. */
const PLAIN_COPIES = 1;

/** Jobs that compute with the model's own weights. */
export const PLAIN_NEEDS: BatchNeeds = { copies: PLAIN_COPIES, reorders: false };

/** What quantising with these settings needs. */
export function quantizeNeeds({ weights }: Pick<Model, "weights">, settings: QuantizeSettings): BatchNeeds {
  const { errorFeedback = 0, actOrder, staticGroups } = settings;
  const bytesOf = (count: typeof heldBytes) => (linear: LinearShape) => {
    const { bits, groupSize } = settingOf(settings, linear);
    return bits === 16 ? 0 : count(linear, bits, groupSize);
  };
  const placed = bytesOf(placedBytes);
  const atSite = (site: LinearSite) => mostOfLayer(weights, (linear) => (siteOf(linear) === site ? placed(linear) : 0));
  return {
    outside: mostOfLayer(weights, bytesOf(heldBytes)),
    inside: Math.max(...LINEAR_SITES.map(atSite)),
    copies: errorFeedback > 0 ? FEEDBACK_COPIES : PLAIN_COPIES,
    reorders: actOrder === "desc" && !staticGroups,
  };
}

/** The state of a batch. */
export function batchState(
  { weights }: Pick<Model, "weights">,
  { tokens, longest }: BatchSize,
  { logitRows = 0, reorders = true }: Pick<BatchNeeds, "logitRows" | "reorders"> = {},
): StateOptions {
  const gathers = reorders || weights.store.linears.some(({ matrix }) => matrix.kind === "packed");
  return { capacity: tokens, cacheRows: tokens, logitRows, positions: longest, oneCache: true, exact: true, gathers };
}

/** Bytes that a batch takes, in the engine and outside of it. */
export function batchBytes(
  model: Pick<Model, "config" | "weights">,
  size: BatchSize,
  { copies = FEEDBACK_COPIES, ...needs }: Pick<BatchNeeds, "logitRows" | "copies" | "reorders"> = {},
): Required<Pick<BatchNeeds, "inside" | "outside">> {
  const outside = 4 * copies * size.tokens * stride(model.config.hiddenSize);
  return { inside: stateBytes(model.config, batchState(model, size, needs)), outside };
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
