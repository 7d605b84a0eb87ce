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
  const length = checkLength(ids.length, model);
  const vocab = model.config.vocabSize;
  const data = new Float32Array(length * vocab);
  using session = model.session({ context: length, logits: "all" });
  await session.evaluate(ids, new Turns(options.signal), ({ ptr, ld, rows, first }) => {
    const all = model.machine.arena.f32(ptr, rows * ld);
    for (let row = 0; row < rows; row++) data.set(all.subarray(row * ld, row * ld + vocab), (first + row) * vocab);
  });
  return { data, rows: length, vocab };
}

function checkLength(length: number, model: Model): number {
  const most = model.config.maxPositions;
  if (length === 0) throw new UsageError("ids", "no tokens", "at least one");
  if (length > most) throw new UsageError("ids", `${length} tokens`, `at most the context, ${most}`);
  return length;
}

/** A tensor read from inside the forward pass. */
export interface TappedTensor {
  readonly name: string;
  readonly dtype: "F32" | "I32";
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array;
}

/**
 * Logits with what led to them: `hidden.<layer>` f32 [T,D], the residual stream after each block, and per MoE layer
 * `router.<layer>.experts` i32 [T,k] and `router.<layer>.weights` f32 [T,k], largest weight first.
 */
export async function computeTapped(
  model: Model,
  ids: readonly number[],
  options: { readonly signal?: AbortSignal } = {},
): Promise<{ readonly logits: Logits; readonly tensors: readonly TappedTensor[] }> {
  const { config, machine } = model;
  const length = checkLength(ids.length, model);
  const tensors: TappedTensor[] = [];
  using session = model.session({ context: length, batch: length, logits: "all", keepRoutes: true });
  await session.evaluateTapped(ids, new Turns(options.signal), ({ layer, input }) => {
    const data = new Float32Array(length * config.hiddenSize);
    const rows = machine.arena.f32(input.ptr, length * input.ld);
    for (let row = 0; row < length; row++)
      data.set(rows.subarray(row * input.ld, row * input.ld + config.hiddenSize), row * config.hiddenSize);
    tensors.push({ name: `hidden.${layer}`, dtype: "F32", shape: [length, config.hiddenSize], data });
  });
  config.moeLayers.forEach((moe, layer) => {
    if (!moe) return;
    const { experts, weights } = session.state.routes[layer];
    const shape = [length, config.topK];
    const count = length * config.topK;
    tensors.push({
      name: `router.${layer}.experts`,
      dtype: "I32",
      shape,
      data: machine.arena.i32(experts, count).slice(),
    });
    tensors.push({
      name: `router.${layer}.weights`,
      dtype: "F32",
      shape,
      data: machine.arena.f32(weights, count).slice(),
    });
  });
  session.truncate(0);
  return { logits: await computeLogits(model, ids, options), tensors };
}
