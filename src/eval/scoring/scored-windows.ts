/** Cuts ids into windows by the protocol `windows`: n ids at a time, no overlap, the last incomplete window dropped; the first id is context only. */
import { UsageError } from "../../base/errors.ts";
import { requireIdList } from "../../model/pass/check-session.ts";

/** How ids are cut into windows: the tokens of a window, and how many of the ids are used. */
export interface WindowProtocol {
  /** Ids of a window. Default 512. */
  readonly window?: number;
  /** Only the first N ids of the stream are cut into windows. */
  readonly limit?: number;
}

/** Tokens of one pass over a window: large enough for the matmuls, small enough for a large vocabulary's logits. */
export const SCORING_BATCH = 128;

export const DEFAULT_WINDOW = 512;

/**
 * Cuts ids into whole windows without overlap.
 * @param context most tokens of a window.
 * @throws UsageError for a window longer than the context, or ids that do not fill one window.
 */
export function scoredWindows(
  ids: readonly number[],
  protocol: WindowProtocol,
  context: number,
): readonly (readonly number[])[] {
  const { window = DEFAULT_WINDOW, limit } = protocol;
  requireIdList(ids);
  checkWindow(window, context);
  if (limit !== undefined) checkWhole("limit", limit, 1);
  return wholeWindows(ids.slice(0, limit), window);
}

/** All whole windows, without overlap. @throws UsageError if there is none. */
export function wholeWindows(ids: readonly number[], length: number): readonly (readonly number[])[] {
  requireIds(ids, length, `one window of ${length}`);
  const count = Math.floor(ids.length / length);
  return Array.from({ length: count }, (_, index) => ids.slice(index * length, (index + 1) * length));
}

/** Number of ids of the longest window. `Math.max(...)` of many windows' lengths would overflow the stack. */
export function mostIds(windows: readonly (readonly number[])[]): number {
  return windows.reduce((most, { length }) => Math.max(most, length), 0);
}

/** Number of ids of the longest window. @throws UsageError for no windows, or one that is too short to score or too long for the context. */
export function longestWindow(windows: readonly (readonly number[])[], context: number): number {
  let longest = 0;
  if (!Array.isArray(windows)) throw new UsageError("windows", String(windows), "an array of arrays of token ids");
  windows.forEach((window, index) => {
    requireIdList(window);
    const { length } = window;
    if (length < 2 || length > context)
      throw new UsageError(
        `window ${index}`,
        `${length} tokens`,
        `2 to ${context}, because the first is context only and the model reads at most ${context}`,
      );
    longest = Math.max(longest, length);
  });
  if (longest === 0) throw new UsageError("windows", "none", "at least one");
  return longest;
}

export function checkWindow(window: number, context: number): void {
  checkWhole("window", window, 2, context, ", the model's context");
}

export function requireIds(ids: readonly number[], least: number, expected: string): void {
  if (ids.length < least) throw new UsageError("text", `${ids.length} tokens`, `at least ${expected}`);
}

/** @param why a text that follows the range in the error. */
export function checkWhole(name: string, value: number, from: number, to?: number, why = ""): void {
  if (Number.isInteger(value) && value >= from && (to === undefined || value <= to)) return;
  const range = to === undefined ? `from ${from}` : `from ${from} to ${to}`;
  throw new UsageError(name, String(value), `an integer ${range}${why}`);
}
