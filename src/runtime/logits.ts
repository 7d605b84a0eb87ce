/** Computes the logits of all positions of a prompt. */
import { UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import { Turns } from "../base/turns.ts";
import type { Model } from "../model/model.ts";
import { requireIdList } from "../model/pass/check-session.ts";
import type { Tap } from "../model/pass/record/pass.ts";
import type { LogitRows } from "../model/pass/session-watch.ts";
import { readRows } from "../nn/emit.ts";

export interface Logits {
  /** f32 [rows, vocab], one row for each position. */
  readonly data: Float32Array<ArrayBuffer>;
  readonly rows: number;
  readonly vocab: number;
}

export interface LogitsOptions {
  readonly signal?: AbortSignal;
}

const KNOWN: KnownOptions<LogitsOptions> = { signal: true };

/** Logits of every position. @throws UsageError for no ids, an id out of range, or more ids than the model's context. */
export async function computeLogits(
  model: Model,
  ids: readonly number[],
  options: LogitsOptions = {},
): Promise<Logits> {
  checkKnownOptions("logits", options, KNOWN);
  const { vocabSize } = model.config;
  const length = checkLength(ids, model);
  const turns = new Turns(options.signal);
  const logits = { data: new Float32Array(length * vocabSize), rows: length, vocab: vocabSize };
  using session = model.session({ context: length, logits: "all" });
  await session.evaluate(ids, turns, { onLogits: collector(model, logits) });
  return logits;
}

/** Copies each batch of logits to its place in `data`. */
function collector(model: Model, { data, vocab }: Logits): (found: LogitRows) => void {
  return ({ ptr, ld, rows, first }) => data.set(readRows(model.machine, { ptr, ld, rows, cols: vocab }), first * vocab);
}

function checkLength(ids: readonly number[], model: Model): number {
  requireIdList(ids);
  const { length } = ids;
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
 * Computes logits together with inner tensors: `hidden.<layer>` f32 [T,D], the residual stream after each block, and for each MoE
 * layer `router.<layer>.experts` i32 [T,k] and `router.<layer>.weights` f32 [T,k], largest weight first.
 */
export async function computeTapped(
  model: Model,
  ids: readonly number[],
  options: LogitsOptions = {},
): Promise<{ readonly logits: Logits; readonly tensors: readonly TappedTensor[] }> {
  checkKnownOptions("logits", options, KNOWN);
  const { config, machine } = model;
  const length = checkLength(ids, model);
  const turns = new Turns(options.signal);
  const tensors: TappedTensor[] = [];
  using session = model.session({ context: length, batch: length, logits: "all", keepRoutes: true });
  const logits = { data: new Float32Array(length * config.vocabSize), rows: length, vocab: config.vocabSize };
  const keepHidden = ({ layer, input }: Tap) =>
    void tensors.push({
      name: `hidden.${layer}`,
      dtype: "F32",
      shape: [length, config.hiddenSize],
      data: readRows(machine, input),
    });
  await session.evaluateTapped(ids, turns, { onHidden: keepHidden, onLogits: collector(model, logits) });
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
  return { logits, tensors };
}
