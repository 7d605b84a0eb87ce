/** Models that no family has: a fixture with further tensors, under a changed configuration or other names. */
import { nodeFolder } from "../../src/adapter/node.ts";
import { memoryOutput } from "../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../src/files/source.ts";
import { openTensorIndex } from "../../src/format/checkpoint.ts";
import { copyOf, type TensorToWrite, writeSafetensors } from "../../src/format/safetensors-writer.ts";
import { readModelConfig } from "../../src/model/config/families/index.ts";
import type { ModelConfig } from "../../src/model/config/model-config.ts";
import type { ModuleNames } from "../../src/model/config/module-names.ts";
import type { ModelFiles } from "../../src/model/model.ts";
import { modelParts } from "../../src/model/model-source.ts";
import { detectSpelling, locateAll } from "../../src/model/weights/locate.ts";
import { repositoryFile } from "./shared.ts";

/** A folder in memory: the fixture's configuration, and its tensors beside others that replace those of their names. */
export async function folderWith(fixture: string, tensors: readonly TensorToWrite[]): Promise<FolderSource> {
  const source = await nodeFolder(repositoryFile(fixture));
  const index = await openTensorIndex(source);
  const output = memoryOutput("made");
  const file = await output.file("model.safetensors");
  const added = new Set(tensors.map(({ name }) => name));
  const kept = [...index.entries.values()].filter(({ name }) => !added.has(name));
  await writeSafetensors(file, [...kept.map((entry) => copyOf(entry)), ...tensors]);
  await file.close();
  await output.commit();
  const config = await source.open("config.json");
  const bytes = new Uint8Array(config!.size);
  await config!.read(0, bytes);
  await config!.close?.();
  await index.close();
  await source.close();
  return filesFolder("made", { "config.json": bytes, "model.safetensors": output.files.get("model.safetensors")! });
}

export interface Changes {
  readonly config?: Partial<ModelConfig>;
  readonly names?: Partial<ModuleNames>;
}

/** What `readModelFiles` would give if a family said so. */
export async function madeFiles(folder: FolderSource, changes: Changes): Promise<ModelFiles> {
  const { config: source, text, openTensors } = await modelParts(folder);
  const json = await source.read();
  const read = readModelConfig(json, source.where);
  const checkpoint = await openTensors();
  const config = { ...read.config, ...changes.config };
  const spelling = detectSpelling(checkpoint, read.family, config);
  const names = { ...read.family.names[spelling], ...changes.names };
  const family = { ...read.family, names: { hub: names, transformers: names } };
  const linears = locateAll(checkpoint, names, config);
  return { ...checkpoint, folder, name: folder.name, json, family, config, text, spelling, names, linears };
}
