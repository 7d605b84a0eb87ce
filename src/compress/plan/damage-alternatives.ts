/** Quantises every linear at several widths, each alone with everything around it float. A knapsack chooses among these alternatives. */

import type { Turns } from "../../base/turns.ts";
import type { ExpertTally } from "../../eval/perplexity/expert-usage.ts";
import type { Model } from "../../model/model.ts";
import { mostOfLayer } from "../../model/weights/weight-tree.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { Matrix } from "../../tensor/matrix.ts";
import { quantizeSite, type Sink } from "../quantize/quantize-site.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";
import { uniformModules } from "../recipe/settings.ts";
import type { ModuleReport } from "../result/module-report.ts";
import { PLAIN_NEEDS } from "../windows/batch-room.ts";
import { placedBytes, placeQuantized, weightReader } from "../windows/place-quantized.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";

export interface Alternative {
  readonly bits: Bits;
  /** In the engine's memory, if its width is one of those that are placed, until the next layer is asked for. */
  readonly matrix: Matrix | undefined;
  /** GPTQ's own loss per calibration token of the linear. */
  readonly loss: number;
  readonly tokens: number;
}

export interface AlternativesRun {
  readonly grid: Omit<QuantizeSettings, "modules">;
  readonly widths: readonly Bits[];
  /** The widths whose matrices are kept. Of the others only the loss is. */
  readonly placed: readonly Bits[];
  readonly groupSize: number;
  readonly turns: Turns;
  /** Counts the experts that the windows' tokens choose. When a layer's alternatives are given, its choices are in it. */
  readonly tally?: ExpertTally;
  /** Called with the number of matrices that are quantised. */
  readonly onMatrices?: (done: number) => void;
}

type PlacedWidths = Pick<AlternativesRun, "placed" | "groupSize">;

/** The alternatives of one layer by module name. */
export type Alternatives = ReadonlyMap<string, readonly Alternative[]>;

/** Bytes of the engine's memory that the placed alternatives of a layer take at most. */
export function alternativeBytes({ weights }: Model, { placed, groupSize }: PlacedWidths): number {
  return mostOfLayer(weights, (linear) => placed.reduce((sum, bits) => sum + placedBytes(linear, bits, groupSize), 0));
}

/**
 * The alternatives of each layer, in order: only one layer's are held at a time. All widths of a linear share its Hessian and factor.
 */
export async function* alternativesOfLayers(
  model: Model,
  windows: Windows,
  { grid, widths, placed, groupSize, turns, tally, onMatrices }: AlternativesRun,
): AsyncGenerator<Alternatives, void> {
  const readWeights = weightReader(model);
  const inside = alternativeBytes(model, { placed, groupSize });
  using batch = new WindowBatch(model, windows, { inside, ...PLAIN_NEEDS });
  const [first, ...others] = widths;
  const settings = { ...grid, modules: uniformModules(model.files, first, groupSize) };
  let done = 0;
  await batch.embed(turns);
  for (let layer = 0; layer < model.config.layers; layer++) {
    const found = new Map<string, Alternative[]>();
    using memory = model.machine.arena.region();
    const add: Sink["add"] = (matrix, report) => {
      const { bits } = matrix;
      const isPlaced = placed.includes(bits);
      keep(found, bits, isPlaced ? placeQuantized(model.machine, memory, report.name, matrix) : undefined, report);
      onMatrices?.(++done);
    };
    const sink = { starved: [], readWeights, add };
    const beside = { widths: () => others, add };
    const context = { model, settings, rtnLoss: false, turns, state: batch.state, sink, beside };
    await batch.block(layer, turns, async (tap) => {
      if (tap.site === "experts") tally?.add(layer, batch.state.routes[layer], batch.tokens);
      await quantizeSite(context, tap);
    });
    yield found;
  }
}

function keep(
  found: Map<string, Alternative[]>,
  bits: Bits,
  matrix: Matrix | undefined,
  { name, loss, tokens }: ModuleReport,
): void {
  const known = found.get(name) ?? [];
  known.push({ bits, matrix, loss: loss ?? 0, tokens });
  found.set(name, known);
}
