/** All positions' logits of a prompt. */
import { UsageError } from "../errors.ts";
import type { Model } from "../model/model.ts";
import { Turns } from "../wasm/turns.ts";

export interface Logits {
  /** f32 [rows, vocab], one row a position. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly rows: number;
  readonly vocab: number;
}

/** @throws UsageError for no ids, an id out of range, or more ids than the model's context. */
export async function computeLogits(
  model: Model,
  ids: readonly number[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<Logits> {
  if (ids.length === 0) throw new UsageError("ids", "no tokens", "at least one");
  const vocab = model.config.vocabSize;
  const data = new Float32Array(ids.length * vocab);
  using session = model.session({ context: checkLength(ids.length, model), logits: "all" });
  await session.evaluate(ids, new Turns(options.signal), ({ ptr, ld, rows, first }) => {
    const all = model.machine.arena.f32(ptr, rows * ld);
    for (let row = 0; row < rows; row++) data.set(all.subarray(row * ld, row * ld + vocab), (first + row) * vocab);
  });
  return { data, rows: ids.length, vocab };
}

function checkLength(length: number, model: Model): number {
  const most = model.config.maxPositions;
  if (length > most) throw new UsageError("ids", `${length} tokens`, `at most the context, ${most}`);
  return length;
}
