/** The protocols by which perplexities are reported: which tokens of a stream are scored, and after which others. */
import { UsageError } from "../../base/errors.ts";
import { requireIdList } from "../../model/pass/check-session.ts";
import { checkWhole, checkWindow, DEFAULT_WINDOW, requireIds, wholeWindows } from "./scored-windows.ts";
import type { ScoredSequence } from "./token-tree.ts";

export const PROTOCOLS = ["windows", "strided", "llama.cpp", "rolling"] as const;

/**
 * - `windows`: n ids at a time, no overlap, the last incomplete window dropped; the first id of each is context only.
 * - `strided`: windows of n ids start every `stride` ids, and the last one ends with the stream. Each id but the stream's first is
 *   scored once, in the first window that contains it.
 * - `llama.cpp`: windows as in `windows`, but BOS replaces their first id if the tokenizer adds one. The targets n / 2 + 1 to n - 1 of
 *   each window are scored.
 * - `rolling`: every id is scored, the first one after the start id. Windows have n ids; the last one starts earlier, so that it is
 *   full too (lm-evaluation-harness, loglikelihood_rolling).
 */
export type Protocol = (typeof PROTOCOLS)[number];

/** How ids are cut into windows, and which ids are scored. Window, stride and limit are in tokens. */
export interface ProtocolOptions {
  /** Default `windows`. */
  readonly protocol?: Protocol;
  /** Ids of a window. Default 512, or the model's context if that is less. */
  readonly window?: number;
  /** Ids between the starts of two windows of `strided`. Default: half a window. */
  readonly stride?: number;
  /** Only the first N ids of the stream are cut into windows. */
  readonly limit?: number;
}

/** The model's properties that protocols need. */
export interface ProtocolContext {
  readonly maxPositions: number;
  /** Replaces the first id of the windows of `llama.cpp`; undefined if the tokenizer adds none. */
  readonly bosId: number | undefined;
  /** The id before the first one of a text in `rolling`. */
  readonly startId: number | undefined;
}

/** @throws UsageError for a window or stride out of range, or a stream too short for one window. */
export function protocolSequences(
  all: readonly number[],
  options: ProtocolOptions,
  context: ProtocolContext,
): readonly ScoredSequence[] {
  const { protocol = "windows", limit } = options;
  requireIdList(all);
  const window = options.window ?? Math.min(DEFAULT_WINDOW, context.maxPositions);
  checkWhole("limit", limit ?? 1, 1, Number.MAX_SAFE_INTEGER);
  checkWindow(window, context.maxPositions);
  const ids = limit === undefined ? all : all.slice(0, limit);
  if (protocol === "rolling") {
    if (context.startId === undefined) throw new UsageError("protocol", "rolling", "a model with a BOS or EOS id");
    requireIds(ids, 1, "one id");
    // A stream of documents begins with the start id already.
    return rollingSequences(ids[0] === context.startId ? ids.slice(1) : ids, context.startId, window);
  }
  if (protocol === "strided") {
    const stride = options.stride ?? Math.max(1, window >> 1);
    checkWhole("stride", stride, 1, window, ", the window");
    requireIds(ids, 2, "two: one is context only");
    return stridedSequences(ids, window, stride);
  }
  const windows = wholeWindows(ids, window);
  if (protocol === "windows") return windows.map(windowSequence);
  if (protocol !== "llama.cpp") throw new UsageError("protocol", String(protocol), `one of ${PROTOCOLS.join(", ")}`);
  checkWhole("window", window, 3, context.maxPositions, ", because llama.cpp scores the second half of a window");
  return windows.map((read) => ({ ...scoredFrom(read, (window >> 1) + 1), ids: llamaInput(read, context.bosId) }));
}

/** Scores all ids but the first, which is context only. */
export function windowSequence(window: readonly number[]): ScoredSequence {
  return scoredFrom(window, 1);
}

/** Windows with disjoint targets, each as long as possible. */
export function rollingSequences(ids: readonly number[], startId: number, window: number): readonly ScoredSequence[] {
  const stream = [startId, ...ids];
  const sequences: ScoredSequence[] = [];
  for (let scored = 1; scored < stream.length; ) {
    const end = Math.min(scored + window, stream.length);
    const read = stream.slice(Math.max(0, end - window - 1), end);
    sequences.push(scoredFrom(read, read.length - (end - scored)));
    scored = end;
  }
  return sequences;
}

function stridedSequences(ids: readonly number[], window: number, stride: number): readonly ScoredSequence[] {
  const sequences: ScoredSequence[] = [];
  let scored = 1;
  for (let start = 0; scored < ids.length; start += stride) {
    const end = Math.min(start + window, ids.length);
    // In windows without overlap, the first id has no context and is not scored.
    sequences.push(scoredFrom(ids.slice(start, end), Math.max(1, scored - start)));
    scored = end;
  }
  return sequences.filter(({ targets }) => targets.length > 0);
}

/** Scores the ids of a window from number `first` on, which is at least 1. */
function scoredFrom(window: readonly number[], first: number): ScoredSequence {
  return { ids: window.slice(0, -1), first: first - 1, targets: window.slice(first) };
}

function llamaInput(window: readonly number[], bosId: number | undefined): readonly number[] {
  return [bosId ?? window[0], ...window.slice(1, -1)];
}
