/**
 * Quantises a model along a plan, block by block and with error feedback, as `quantizeModel` does, and keeps the matrices in memory.
 * It may begin at any block, so that a part of the model is quantised alone with the float model before it.
 */
import type { Turns } from "../../../base/turns.ts";
import type { Model } from "../../../model/model.ts";
import { overlayOf } from "../../../model/weights/weight-tree.ts";
import type { PlanBits } from "../../../policy/bit-plan.ts";
import type { QuantizedMatrix } from "../../../tensor/quantized-matrix.ts";
import { ErrorFeedback } from "../../feedback/error-feedback.ts";
import { quantizeSite, type SiteContext, type Swap } from "../../quantize/quantize-site.ts";
import { ReplacedWeights } from "../../quantize/replaced-weights.ts";
import type { GridSettings } from "../../recipe/settings.ts";
import { weightReader } from "../../windows/place-quantized.ts";
import { WindowBatch, type Windows } from "../../windows/window-batch.ts";

/** Bits of linears, by name. A linear that is not named stays float. */
export type LinearBits = Readonly<Record<string, PlanBits>>;

export interface AlongRun {
  readonly grid: GridSettings;
  readonly groupSize: number;
  /** The first block, and the residual stream that enters it: f32 [T, D padded]. Default: block 0 with the embedding. */
  readonly from?: { readonly layer: number; readonly stream: Float32Array };
  readonly turns: Turns;
}

/** The matrices of all linears that the plan quantises, by name. The model itself is not changed. Its embedding and head stay as they are. */
export async function quantizeAlong(
  model: Model,
  windows: Windows,
  plan: LinearBits,
  { grid, groupSize, from, turns }: AlongRun,
): Promise<ReadonlyMap<string, QuantizedMatrix>> {
  const found = new Map<string, QuantizedMatrix>();
  const changing = model.withWeights(overlayOf(model.weights));
  using batch = new WindowBatch(changing, windows);
  const { errorFeedback: share = 0, shrinkage = 0 } = grid;
  const feedback = share > 0 ? new ErrorFeedback(changing, batch, { share, shrinkage }, turns) : undefined;
  const sink: SiteContext["sink"] = {
    starved: [],
    readWeights: weightReader(model),
    add: (matrix, { name }) => found.set(name, matrix),
  };
  const modules = new Map(Object.entries(plan).map(([name, bits]) => [name, { bits, groupSize }]));
  const context = { model: changing, settings: { ...grid, modules }, rtnLoss: false, turns, state: batch.state, sink };
  if (from === undefined) await batch.embed(turns);
  else batch.rows(batch.state.hidden).set(from.stream);
  for (let layer = from?.layer ?? 0; layer < model.config.layers; layer++) {
    await feedback?.begin(layer);
    using replaced = new ReplacedWeights(model.machine);
    const swap: Swap = (linear, matrix) => replaced.swap(linear, matrix);
    await batch.block(layer, turns, (tap) => {
      replaced.reach();
      return quantizeSite({ ...context, feedback, swap }, tap);
    });
  }
  return found;
}
