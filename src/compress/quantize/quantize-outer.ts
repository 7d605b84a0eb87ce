/** Quantises the linears outside the blocks: the embedding by rounding, and the head by GPTQ, after all others. */
import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import type { Linear } from "../../model/weights/linears.ts";
import { rtn } from "../../quant/rtn.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { clipSearchOf, type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import type { Checkpoint } from "../resume/block-checkpoint.ts";
import type { WindowBatch } from "../windows/window-batch.ts";
import type { Collector } from "./collector.ts";
import { quantizeSite, type SiteContext } from "./quantize-site.ts";

/** What rounding a linear needs. */
export interface RoundContext {
  readonly model: Model;
  readonly settings: QuantizeSettings;
  readonly turns: Turns;
  readonly collector: Collector;
}

/** Rounds one linear plainly, without a Hessian. */
export async function roundOne({ model, settings, turns, collector }: RoundContext, linear: Linear): Promise<void> {
  const { rows, cols, name } = linear;
  const { bits, groupSize } = settingOf(settings, linear);
  const { symmetric } = settings;
  const clip = clipSearchOf(settings, bits as Bits, "rtn");
  const weights = await collector.readWeights(linear);
  const grid = { bits: bits as Bits, groupSize, symmetric, clip, scaleRounding: "f16" } as const;
  const named = { ...grid, name: `${model.files.name}: ${name}` };
  const matrix = await rtn(model.machine, { weights, rows, cols }, { ...named, turns });
  const note = linear.role === "embedding" && model.config.tiedEmbeddings ? { note: SHARED } : {};
  const report = { name, bits, groupSize, loss: null, rtnLoss: null, tokens: 0, method: "rtn", damp: null } as const;
  collector.add(matrix, { ...report, ...note });
}

const SHARED = "one matrix serves as embedding and head";

/**
 * Rounds the embedding if the settings give it bits. The blocks are calibrated with the float embedding, so that they get the same codes
 * as without: at 8 bits the rounding is far below what they could make up for, and other inputs would only draw other routes.
 */
export async function roundEmbedding(context: RoundContext, checkpoint: Checkpoint | undefined): Promise<void> {
  const { model, settings, collector } = context;
  const { embedding, layers } = model.weights;
  if (settingOf(settings, embedding).bits === 16) return;
  const block = layers.length;
  const kept = await checkpoint?.load(block);
  if (kept !== undefined) {
    collector.restore(kept);
    return;
  }
  const mark = collector.mark();
  await roundOne(context, embedding);
  await collector.finish(block, mark);
}

/** Quantises the head with its own inputs: the final norm of the quantised blocks' outputs. */
export async function quantizeHead(
  batch: WindowBatch,
  context: Omit<SiteContext, "swap">,
  collector: Collector,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  const { model, settings, turns } = context;
  const { head, layers } = model.weights;
  // A head that is tied has the embedding's name, and the embedding's setting is not its own.
  if (head.role !== "head" || settingOf(settings, head).bits === 16) return;
  const block = layers.length + 1;
  const kept = await checkpoint?.load(block);
  if (kept !== undefined) {
    collector.restore(kept);
    return;
  }
  const mark = collector.mark();
  // Nothing is computed with the head afterwards.
  await batch.headInput(turns, (tap) => quantizeSite(context, tap));
  await collector.finish(block, mark);
}
