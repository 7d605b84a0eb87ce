/** A default model quantised, written and read again: how far its outputs are from the float model's. */
import { nodeFolder } from "../../src/adapter/node.ts";
import { quantizeModel } from "../../src/compress/quantize/quantize-model.ts";
import type { QuantizeSettings } from "../../src/compress/recipe/settings.ts";
import type { Quantized } from "../../src/compress/result/quantized.ts";
import type { Windows } from "../../src/compress/windows/window-batch.ts";
import { writeQuantized } from "../../src/compress/write/write-quantized.ts";
import { compare } from "../../src/eval/compare/compare.ts";
import { memoryOutput } from "../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../src/files/source.ts";
import { Model, readModelFiles } from "../../src/model/model.ts";
import type { QuantizedMatrix } from "../../src/tensor/quantized-matrix.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import type { MachineOptions } from "../../src/wasm/machine.ts";
import { readJsonLines, repositoryFile } from "./shared.ts";

/** Held-out text that the fable models know. */
export const TEXT: readonly number[] = readJsonLines<number[]>(
  repositoryFile("test/fixtures/eval/tinystories-ids.json"),
)[0];

export async function openFloat(name: string, options?: MachineOptions): Promise<Model> {
  const files = await readModelFiles(await nodeFolder(repositoryFile(`models/${name}`)));
  return Model.open(files, await createMachine(options), { activations: "f32" });
}

export async function writeFolder(
  model: Model,
  quantized: Quantized,
  settings: QuantizeSettings,
): Promise<FolderSource> {
  const output = memoryOutput();
  await writeQuantized(model.files, quantized, { settings, output });
  return filesFolder("out", Object.fromEntries(output.files));
}

/** Mean KL over `text`, in nats a token. */
export async function klOfQuantized(
  model: Model,
  quantized: Quantized,
  settings: QuantizeSettings,
  text: readonly number[],
): Promise<number> {
  const files = await readModelFiles(await writeFolder(model, quantized, settings));
  await using ground = await Model.open(files, await createMachine(), { activations: "f32" });
  return (await compare(ground, model, { ids: text, window: 128 })).kl.mean;
}

export async function klAfter(
  model: Model,
  settings: QuantizeSettings,
  windows: Windows | undefined,
  text: readonly number[],
): Promise<number> {
  return klOfQuantized(model, await quantizeModel(model, settings, { windows }), settings, text);
}

/** Every matrix by the name of its linear. */
export async function matricesOf({ modules, matrices }: Quantized): Promise<ReadonlyMap<string, QuantizedMatrix>> {
  const found = new Map<string, QuantizedMatrix>();
  for (const { name } of modules) found.set(name, (await matrices.get(name)) as QuantizedMatrix);
  return found;
}
