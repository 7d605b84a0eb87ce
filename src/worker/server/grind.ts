/** Quantises a model of the worker in memory, and compares two of them. */
import { quantize } from "../../compress/run/make-quantized.ts";
import { selfSample } from "../../compress/windows/calibration-text.ts";
import { compare, type ReferenceComparison } from "../../eval/compare/compare.ts";
import { memoryOutput } from "../../files/output.ts";
import { filesFolder } from "../../files/source.ts";
import type { LanguageModel } from "../../runtime/language-model.ts";
import type { OpenedModel, WorkerCompareOptions, WorkerQuantizeOptions } from "../wire/worker-calls.ts";
import type { OpenModels } from "./open-models.ts";
import type { ServedRun } from "./served-run.ts";

/** Another seed than that of calibration, so that a model is not compared on the text that it was fitted to. */
const OWN_TEXT = { samples: 8, length: 256, seed: 4242 };

export async function quantizeOpen(
  models: OpenModels,
  { model, options }: { readonly model: number; readonly options: WorkerQuantizeOptions },
  run: ServedRun,
): Promise<OpenedModel> {
  const { signal, onProgress } = run;
  const output = memoryOutput("quantized");
  const { starved } = await quantize(models.take(model), { ...options, output, signal, onProgress });
  // A browser may keep blobs on its disk.
  const blobs = [...output.files].map(([name, bytes]) => [name, new Blob([bytes as Uint8Array<ArrayBuffer>])] as const);
  const opened = await models.add(filesFolder("quantized", Object.fromEntries(blobs)), models.optionsOf(model), run);
  return { ...opened, starved };
}

export async function compareOpen(
  model: LanguageModel,
  reference: LanguageModel,
  { self, ...options }: WorkerCompareOptions,
  { signal, onProgress }: ServedRun,
): Promise<ReferenceComparison> {
  const { ids, windows } = options;
  if (ids !== undefined || windows !== undefined) return compare(model, reference, { ...options, signal, onProgress });
  const length = Math.min(OWN_TEXT.length, reference.config.maxPositions);
  const own = await selfSample(reference, { ...OWN_TEXT, length, ...self, signal, onProgress });
  return compare(model, reference, { ...options, windows: own, signal, onProgress });
}
