/** Checks the arguments of sessions: ids, tokens of a pass, context. */
import { UsageError } from "../../base/errors.ts";

/** @throws UsageError if `ids` is not a list, or for an id out of range. */
export function checkIds(ids: ArrayLike<number>, vocabSize: number): void {
  requireIdList(ids);
  for (let i = 0; i < ids.length; i++)
    if (!Number.isInteger(ids[i]) || ids[i] < 0 || ids[i] >= vocabSize)
      throw new UsageError(`token id ${i}`, String(ids[i]), `an integer from 0 to ${vocabSize - 1}`);
}

/** @throws UsageError if `ids` is not a list. */
export function requireIdList(ids: unknown): void {
  if (Array.isArray(ids) || (ArrayBuffer.isView(ids) && !(ids instanceof DataView))) return;
  throw new UsageError("ids", ids === null ? "null" : typeof ids, "an array of token ids");
}

/** Checks the number of tokens of one pass. @throws UsageError unless it is an integer from 1. */
export function checkBatch(batch: number): number {
  if (Number.isInteger(batch) && batch >= 1) return batch;
  throw new UsageError("batch", String(batch), "an integer from 1");
}

/** @param most the model's context. */
export function checkContext(context: number, most: number): number {
  if (!Number.isInteger(context) || context < 1 || context > most)
    throw new UsageError("context", String(context), `an integer from 1 to ${most}, the model's context`);
  return context;
}
