/** Quantises every linear at several widths, each alone with everything around it float. A knapsack chooses among these alternatives. */

import type { Turns } from "../../base/turns.ts";
import type { Model } from "../../model/model.ts";
import { mostOfLayer } from "../../model/weights/weight-tree.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import { quantizeSite, type Sink } from "../quantize/quantize-site.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";
import { uniformModules } from "../recipe/settings.ts";
import type { ModuleReport } from "../result/module-report.ts";
import { weightReader } from "../windows/place-quantized.ts";
import { WindowBatch, type Windows } from "../windows/window-batch.ts";

export interface Alternative {
  readonly bits: Bits;
  readonly matrix: QuantizedMatrix;
  /** GPTQ's own loss per calibration token of the linear. */
  readonly loss: number;
  readonly tokens: number;
}

export interface AlternativesRun {
  readonly grid: Omit<QuantizeSettings, "modules">;
  readonly widths: readonly Bits[];
  readonly groupSize: number;
  readonly turns: Turns;
  /** Called with the number of matrices that are quantised. */
  readonly onMatrices?: (done: number) => void;
}

/** The alternatives of one layer by module name. */
export type Alternatives = ReadonlyMap<string, readonly Alternative[]>;

/**
 * The alternatives of each layer, in order: only one layer's are held at a time. All widths of a linear share its Hessian and factor.
 */
export async function* alternativesOfLayers(
  model: Model,
  windows: Windows,
  { grid, widths, groupSize, turns, onMatrices }: AlternativesRun,
): AsyncGenerator<Alternatives, void> {
  const readWeights = weightReader(model);
  using batch = new WindowBatch(model, windows, { outside: widths.length * mostOfLayer(model.weights) });
  const [first, ...others] = widths;
  const settings = { ...grid, modules: uniformModules(model.files, first, groupSize) };
  let done = 0;
  await batch.embed(turns);
  for (let layer = 0; layer < model.config.layers; layer++) {
    const found = new Map<string, Alternative[]>();
    const add: Sink["add"] = (matrix, report) => {
      keep(found, matrix, report);
      done++;
    };
    const sink = { starved: [], readWeights, add };
    const beside = { widths: () => others, add };
    const context = { model, settings, rtnLoss: false, turns, state: batch.state, sink, beside, swap: () => {} };
    await batch.block(layer, turns, async (tap) => {
      await quantizeSite(context, tap);
      onMatrices?.(done);
    });
    yield found;
  }
}

function keep(found: Map<string, Alternative[]>, matrix: QuantizedMatrix, { name, loss, tokens }: ModuleReport): void {
  const known = found.get(name) ?? [];
  known.push({ bits: matrix.bits, matrix, loss: loss ?? 0, tokens });
  found.set(name, known);
}
