/** Some of a tap's compact rows: those of an expert, or a stretch of them. */
import type { Tap } from "../../model/pass/forward.ts";

/** `count` rows of an input, through an index list or, where `index` is 0, as they lie. */
export interface TapRows {
  readonly ptr: number;
  readonly ld: number;
  readonly index: number;
  readonly count: number;
}

/** `count` rows from compact row `start`. */
export function tapRows({ input: { ptr, ld }, index = 0 }: Tap, start: number, count: number): TapRows {
  return index === 0 ? { ptr: ptr + start * ld * 4, ld, index, count } : { ptr, ld, index: index + start * 4, count };
}
