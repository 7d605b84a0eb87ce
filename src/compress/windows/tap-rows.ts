/** Selects consecutive compact rows of a tap, such as those of one expert. */
import type { Tap } from "../../model/pass/record/pass.ts";
import type { IndexedRows } from "../../quant/hessian.ts";

/** `count` rows, starting with compact row `start`. */
export function tapRows({ input: { ptr, ld }, index = 0 }: Tap, start: number, count: number): IndexedRows {
  return index === 0 ? { ptr: ptr + start * ld * 4, ld, index, count } : { ptr, ld, index: index + start * 4, count };
}
