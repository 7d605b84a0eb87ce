/** Files that Quern writes itself, made once from a small model, to be damaged. */

import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, type QuantizeSettings } from "../../../src/compress/recipe/settings.ts";
import { openCheckpoint } from "../../../src/compress/resume/block-checkpoint.ts";
import { type CalibrateRun, calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { writePartialStatistics, writeStatistics } from "../../../src/compress/statistics/statistics-file.ts";
import { saveReference } from "../../../src/eval/compare/save-reference.ts";
import type { OutputFile } from "../../../src/files/output.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { isQuantizable } from "../../../src/tensor/linear-shape.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { filesOf, type Input } from "../area.ts";

export const WINDOWS: readonly (readonly number[])[] = [0, 1].map((window) =>
  Array.from({ length: 24 }, (_, i) => (i * 37 + 11 * window) % 320),
);

export async function smallModel(): Promise<Model> {
  const files = filesOf("test/fixtures/families/deepseek-f16");
  return Model.open(await readModelFiles(filesFolder("tiny", files)), await createMachine({ threads: 1 }), {
    activations: "f32",
  });
}

async function bytesOf(write: (file: OutputFile) => Promise<unknown>): Promise<Uint8Array> {
  const folder = memoryWorkFolder();
  await write(await folder.file("f"));
  return folder.files.get("f") as Uint8Array;
}

/** Statistics as written at the end, and half-way. */
export async function statisticsFiles(model: Model): Promise<{ whole: Uint8Array; partial: Uint8Array }> {
  const parts: Uint8Array[] = [];
  const onChunk: CalibrateRun["onChunk"] = async (found) => {
    parts.push(await bytesOf((file) => writePartialStatistics(file, found)));
  };
  const statistics = await calibrate(model, WINDOWS, { chunk: 1, onChunk });
  return { whole: await bytesOf((file) => writeStatistics(file, statistics)), partial: parts[0] };
}

export function referenceFile(model: Model): Promise<Uint8Array> {
  return bytesOf((file) => saveReference(model, WINDOWS, { output: file }));
}

export function settingsOf(model: Model): QuantizeSettings {
  const modules = model.files.linears
    .filter((linear) => isQuantizable(linear) && linear.cols % 32 === 0 && linear.rows % 8 === 0)
    .map((linear) => [linear.name, { bits: 4, groupSize: 32 }] as const);
  return { ...DEFAULT_GRID, method: "rtn", clip: "none", modules: new Map(modules) };
}

/** `run.json` and the finished blocks of a run. */
export async function blockFiles(model: Model): Promise<Input> {
  const folder = memoryWorkFolder();
  const settings = settingsOf(model);
  const checkpoint = await openCheckpoint(folder, model, { settings, windows: WINDOWS });
  await quantizeModel(model, settings, { windows: WINDOWS, checkpoint });
  return Object.fromEntries(folder.files);
}
