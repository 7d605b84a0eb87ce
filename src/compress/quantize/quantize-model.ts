/**
 * Quantises a model block by block over all calibration windows. Each group of linears sees the quantised linears before it ([q k v],
 * [o], [gate up of all experts and shared], [down]; true-sequential GPTQ, arXiv:2210.17323).
 *
 * The embedding is rounded if the settings name it, and the head comes last, with the final norm as its input.
 * The model stays unchanged. The result is codes, which write-quantized.ts writes. A checkpoint keeps each finished block. Blocks that
 * it already holds are reused, and the hidden states after them are recomputed to the same bits.
 */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
import type { Tap } from "../../model/pass/record/pass.ts";
import { layerLinears, overlayOf } from "../../model/weights/weight-tree.ts";
import { ErrorFeedback } from "../feedback/error-feedback.ts";
import type { FloatBlocks } from "../feedback/float-run.ts";
import { checkSettings } from "../recipe/check-settings.ts";
import { modelUnder } from "../recipe/outer-bits.ts";
import { type QuantizeSettings, settingOf } from "../recipe/settings.ts";
import type { Quantized, QuantizedBlock } from "../result/quantized.ts";
import type { Checkpoint } from "../resume/block-checkpoint.ts";
import { quantizeNeeds } from "../windows/batch-room.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";
import { Collector } from "./collector.ts";
import { quantizeHead, type RoundContext, roundEmbedding, roundOne } from "./quantize-outer.ts";
import { quantizeSite, type SiteContext, type Swap } from "./quantize-site.ts";
import { ReplacedWeights } from "./replaced-weights.ts";

/** Calibration windows (only plain rounding works without), and where finished blocks are kept. */
export interface QuantizeRun {
  /** Required by method `gptq`. */
  readonly windows?: Windows;
  /** Keeps finished blocks; made by `openCheckpoint` for this model, these settings and these windows. */
  readonly checkpoint?: Checkpoint;
  /** Also rounds every linear plainly, to report `rtnLoss` beside GPTQ's loss. Takes time and changes no code. Default false. */
  readonly rtnLoss?: boolean;
  /** Results of the float model that runs with error feedback on the same windows share. */
  readonly floatBlocks?: FloatBlocks;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

const RUN_OPTIONS: KnownOptions<QuantizeRun> = {
  ...{ windows: true, checkpoint: true, rtnLoss: true, floatBlocks: true, signal: true, onProgress: true },
};

/**
 * Quantises every linear that the settings name. The model itself is not changed, so others may use it meanwhile.
 * @throws UsageError for settings that do not fit the model, before any work; the signal's reason, within one matrix.
 */
export async function quantizeModel(
  given: Model,
  settings: QuantizeSettings,
  run: QuantizeRun = {},
): Promise<Quantized> {
  checkSettings(given.files, settings);
  checkKnownOptions<QuantizeRun>("quantizeModel", run, RUN_OPTIONS);
  const model = modelUnder(given, settings.modules);
  return model.job(run.signal, async (turns) => {
    const collector = new Collector(model, settings, run);
    if (settings.method === "rtn") await roundBlocks({ model, settings, turns, collector }, run.checkpoint);
    else await runBlocks(model, settings, turns, collector, run);
    return collector.result();
  });
}

/** Rounds embedding, blocks and head, one after the other. */
async function roundBlocks(context: RoundContext, checkpoint: Checkpoint | undefined): Promise<void> {
  const { model, collector } = context;
  const { embedding, layers, head } = model.weights;
  const parts = [...layers.map(layerLinears), [embedding], head === embedding ? [] : [head]];
  for (const [block, linears] of parts.entries()) {
    const wanted = linears.filter((linear) => settingOf(context.settings, linear).bits !== 16);
    if (wanted.length === 0 && block >= layers.length) continue;
    const kept = await checkpoint?.load(block);
    if (kept !== undefined) {
      collector.restore(kept);
      continue;
    }
    const mark = collector.mark();
    for (const linear of wanted) await roundOne(context, linear);
    await collector.finish(block, mark);
  }
}

async function runBlocks(
  model: Model,
  settings: QuantizeSettings,
  turns: Turns,
  collector: Collector,
  { windows, checkpoint, rtnLoss = false, floatBlocks: kept }: QuantizeRun,
): Promise<void> {
  if (windows === undefined) throw new UsageError("calibration", "no tokens", "windows for method gptq");
  const changing = model.withWeights(overlayOf(model.weights));
  using batch = new WindowBatch(changing, windows, quantizeNeeds(changing, settings));
  const { errorFeedback: share = 0, shrinkage = 0 } = settings;
  const feedback = share > 0 ? new ErrorFeedback(changing, batch, { share, shrinkage, kept }, turns) : undefined;
  const { state } = batch;
  const context = { model: changing, settings, rtnLoss, turns, state, sink: collector, feedback };
  const round = { model: changing, settings, turns, collector };
  await roundEmbedding(round, checkpoint);
  await batch.embed(turns);
  for (let layer = 0; layer < model.config.layers; layer++)
    await runBlock(batch, layer, context, collector, checkpoint);
  await quantizeHead(batch, context, collector, checkpoint);
}

async function runBlock(
  batch: WindowBatch,
  layer: number,
  context: Omit<SiteContext, "swap">,
  collector: Collector,
  checkpoint: Checkpoint | undefined,
): Promise<void> {
  const { model, turns, feedback } = context;
  const kept = await checkpoint?.load(layer);
  await feedback?.begin(layer);
  using replaced = new ReplacedWeights(model.machine);
  const swap: Swap = (linear, matrix) => replaced.swap(linear, matrix);
  if (kept !== undefined) {
    collector.restore(kept);
    await batch.block(layer, turns, (tap: Tap) => {
      replaced.reach();
      swapKept(tap, kept, swap);
    });
    return;
  }
  const mark = collector.mark();
  await batch.block(layer, turns, (tap: Tap) => {
    replaced.reach();
    return quantizeSite({ ...context, swap }, tap);
  });
  await collector.finish(layer, mark);
}

/** Swaps weights at the same places as quantising does, so that the hidden states get the same bits. */
function swapKept(tap: Tap, { matrices }: QuantizedBlock, swap: Swap): void {
  for (const linear of tap.linears) {
    const matrix = matrices.get(linear.name);
    if (matrix !== undefined) swap(linear, matrix);
  }
}
