/** Quantises every linear at several widths, each alone with everything around it float. A knapsack chooses among these alternatives. */

import type { Turns } from "../../base/turns.ts";
import type { Model, Progress } from "../../model/model.ts";
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
  readonly onProgress?: (progress: Progress) => void;
}

/** Alternatives by module name. All widths of a linear share its Hessian and factor. */
export async function quantizeAlternatives(
  model: Model,
  windows: Windows,
  { grid, widths, groupSize, turns, onProgress }: AlternativesRun,
): Promise<ReadonlyMap<string, readonly Alternative[]>> {
  const found = new Map<string, Alternative[]>();
  const readWeights = weightReader(model);
  using batch = new WindowBatch(model, windows);
  const [first, ...others] = widths;
  const add: Sink["add"] = (matrix, report) => keep(found, matrix, report);
  const settings = { ...grid, modules: uniformModules(model.files, first, groupSize) };
  const sink = { starved: [], readWeights, add };
  const beside = { widths: () => others, add };
  const context = { model, settings, rtnLoss: false, turns, state: batch.state, sink, beside, swap: () => {} };
  const total = settings.modules.size * widths.length;
  onProgress?.({ phase: "alternatives", done: 0, total, unit: "matrices" });
  await batch.run(turns, async (tap) => {
    await quantizeSite(context, tap);
    const done = [...found.values()].reduce((sum, list) => sum + list.length, 0);
    onProgress?.({ phase: "alternatives", done, total, unit: "matrices" });
  });
  return found;
}

function keep(found: Map<string, Alternative[]>, matrix: QuantizedMatrix, { name, loss, tokens }: ModuleReport): void {
  const known = found.get(name) ?? [];
  known.push({ bits: matrix.bits, matrix, loss: loss ?? 0, tokens });
  found.set(name, known);
}
