/**
 * Quantises a model along a plan, block by block and with error feedback, as `quantizeModel` does. Beside the planned width, every linear
 * is quantised at further widths from the same inputs, which come from the quantised linears before it. So a change of one linear can be
 * measured with everything before it as it really is.
 */
import type { Turns } from "../../../base/turns.ts";
import type { Model } from "../../../model/model.ts";
import { overlayOf } from "../../../model/weights/weight-tree.ts";
import type { PlanBits } from "../../../policy/bit-plan.ts";
import type { QuantizedMatrix } from "../../../tensor/quantized-matrix.ts";
import { ErrorFeedback } from "../../feedback/error-feedback.ts";
import { quantizeSite, type Sink, type SiteContext } from "../../quantize/quantize-site.ts";
import type { GridSettings, ModuleSetting } from "../../recipe/settings.ts";
import { placeQuantized, weightReader } from "../../windows/place-quantized.ts";
import { WindowBatch, type Windows } from "../../windows/window-batch.ts";

/** Bits of every linear, by name. */
export type LinearBits = Readonly<Record<string, PlanBits>>;

export interface AlongRun {
  readonly grid: GridSettings;
  readonly groupSize: number;
  /** Further widths of a linear. The planned one is always made, and need not be among them. */
  readonly others: (name: string) => readonly PlanBits[];
  readonly turns: Turns;
}

/** The matrices of a linear by width, for every linear that the plan quantises. */
export type Neighbours = ReadonlyMap<string, ReadonlyMap<PlanBits, QuantizedMatrix>>;

const WIDTHS = [2, 3, 4, 8] as const;

/** The model itself is not changed. Its embedding and head stay as they are. */
export async function quantizeAlong(
  model: Model,
  windows: Windows,
  plan: LinearBits,
  { grid, groupSize, others, turns }: AlongRun,
): Promise<Neighbours> {
  const found = new Map<string, Map<PlanBits, QuantizedMatrix>>();
  const changing = model.withWeights(overlayOf(model.weights));
  using batch = new WindowBatch(changing, windows);
  const { errorFeedback: share = 0, shrinkage = 0 } = grid;
  const feedback = share > 0 ? new ErrorFeedback(changing, batch, { share, shrinkage }, turns) : undefined;
  const shared = { model: changing, rtnLoss: false, turns, state: batch.state, feedback, sink: sinkOf(model, found) };
  const passes = WIDTHS.map((bits) => settingsAt(plan, groupSize, (name) => others(name).includes(bits), bits));
  const planned = settingsAt(plan, groupSize, () => true);
  await batch.embed(turns);
  for (let layer = 0; layer < model.config.layers; layer++) {
    await feedback?.begin(layer);
    // Finished blocks are not computed again, so their weights can be freed.
    using packed = model.machine.arena.region();
    const swap: SiteContext["swap"] = (linear, matrix) => {
      linear.matrix = placeQuantized(model.machine, packed, linear.name, matrix);
    };
    await batch.block(layer, turns, async (tap) => {
      for (const modules of passes)
        await quantizeSite({ ...shared, settings: { ...grid, modules }, swap: () => {} }, tap);
      await quantizeSite({ ...shared, settings: { ...grid, modules: planned }, swap }, tap);
    });
  }
  return found;
}

/** Settings of the linears that `isWanted` names and the plan quantises: at their planned bits, or at others than these at `bits`. */
function settingsAt(
  plan: LinearBits,
  groupSize: number,
  isWanted: (name: string) => boolean,
  bits?: PlanBits,
): ReadonlyMap<string, ModuleSetting> {
  const wanted = Object.entries(plan).filter(([name, planned]) => planned !== 16 && planned !== bits && isWanted(name));
  return new Map(wanted.map(([name, planned]) => [name, { bits: bits ?? planned, groupSize }]));
}

function sinkOf(model: Model, found: Map<string, Map<PlanBits, QuantizedMatrix>>): Sink {
  return {
    starved: [],
    readWeights: weightReader(model),
    add: (matrix, { name }) => {
      const known = found.get(name) ?? new Map<PlanBits, QuantizedMatrix>();
      found.set(name, known.set(matrix.bits, matrix));
    },
  };
}
