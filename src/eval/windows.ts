/** The protocol `windows`: n ids at a time, no overlap, the last incomplete window dropped; the first id is context only. */
import { UsageError } from "../errors.ts";

export interface WindowProtocol {
  /** Ids of a window. Default 512. */
  readonly window?: number;
  /** Only the first N ids of the stream, before windows are cut. */
  readonly limit?: number;
}

export const DEFAULT_WINDOW = 512;

function windowLength(protocol: WindowProtocol, context: number): number {
  const { window = DEFAULT_WINDOW } = protocol;
  if (!Number.isInteger(window) || window < 2 || window > context)
    throw new UsageError("window", String(window), `an integer from 2 to ${context}, the model's context`);
  return window;
}

/** @throws UsageError for a window that the context cannot hold, or a text without one whole window. */
export function scoredWindows(
  ids: readonly number[],
  protocol: WindowProtocol,
  context: number,
): readonly (readonly number[])[] {
  const length = windowLength(protocol, context);
  const { limit } = protocol;
  if (limit !== undefined && (!Number.isInteger(limit) || limit < 1))
    throw new UsageError("limit", String(limit), "an integer from 1");
  const count = Math.floor(Math.min(ids.length, limit ?? ids.length) / length);
  if (count === 0)
    throw new UsageError(
      "text",
      `${Math.min(ids.length, limit ?? ids.length)} tokens`,
      `at least one window of ${length}`,
    );
  return Array.from({ length: count }, (_, index) => ids.slice(index * length, (index + 1) * length));
}

/** Ids of the longest window. @throws UsageError for no windows, or one that is too short to score or too long for the context. */
export function longestWindow(windows: readonly (readonly number[])[], context: number): number {
  let longest = 0;
  windows.forEach(({ length }, index) => {
    if (length < 2 || length > context)
      throw new UsageError(
        `window ${index}`,
        `${length} tokens`,
        `2 to ${context}: one is context, the model holds no more`,
      );
    longest = Math.max(longest, length);
  });
  if (longest === 0) throw new UsageError("windows", "none", "at least one");
  return longest;
}
