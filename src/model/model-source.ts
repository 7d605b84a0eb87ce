/**
 * The sources of a model's parts: configuration, tokenizer and tensors. A folder in Hugging Face layout has separate files for them;
 * other containers have all three in one file.
 */
import { FileError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { UNNAMED_FILE } from "../files/given/given-folder.ts";
import { isBundleName, isWholeModel } from "../files/given/whole-model.ts";
import { readJsonObject } from "../files/json-file.ts";
import type { FolderSource } from "../files/source.ts";
import { openTensorIndex } from "../format/checkpoint.ts";
import { openCodecs } from "../format/codecs/open-codecs.ts";
import { readModelConfig } from "./config/families/index.ts";
import type { Family } from "./config/family.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { PartSources } from "./part-sources.ts";
import { folderText } from "./text/folder-text.ts";
import type { StoredTensors } from "./weights/locate.ts";

/**
 * The sources in a folder: in Hugging Face layout, which may contain only `config.json`, or a GGUF file, which has everything in it. A
 * GGUF file beside `model.safetensors` or its index is passed over, and so is a `config.json` beside a GGUF file.
 */
export async function modelParts(folder: FolderSource): Promise<PartSources> {
  const files = await folder.list();
  const [file] = files;
  // The code of bundles and of GGUF is loaded where there is one. A path or an address of a bundle is a folder that lists this file only.
  if (files.length === 1 && (isBundleName(file) || file === UNNAMED_FILE)) {
    const parts = await (await import("./bundle-source.ts")).bundleParts(folder, file);
    if (parts !== undefined) return { ...folderParts(parts.folder), ...parts };
  }
  const isHuggingFace = files.some((file) => /^model\.safetensors(?:\.index\.json)?$/.test(file));
  if (isHuggingFace || !files.some((file) => /\.gguf$/i.test(file))) return folderParts(folder);
  const [{ findGguf }, { ggufParts }] = await Promise.all([
    import("../format/gguf/gguf-files.ts"),
    import("./gguf-source.ts"),
  ]);
  const gguf = findGguf(folder.name, files);
  return gguf === undefined ? folderParts(folder) : ggufParts(folder, gguf);
}

/** Whether a file of this name has weights in Hugging Face layout, or lists the files that do. */
function isTensorFile(file: string): boolean {
  return /\.safetensors(?:\.index\.json)?$/.test(file);
}

/** Whether the folder has weights, not only a configuration. */
export async function hasWeights(folder: FolderSource): Promise<boolean> {
  return (await folder.list()).some((file) => isTensorFile(file) || isWholeModel(file));
}

function folderParts(folder: FolderSource): PartSources {
  return {
    folder,
    config: { where: `${folder.name}/config.json`, read: () => readConfig(folder) },
    text: folderText(folder),
    openTensors: () => openTensors(folder),
    close: async () => {},
  };
}

async function readConfig(folder: FolderSource): Promise<JsonObject> {
  const json = await readJsonObject(folder, "config.json");
  if (json !== undefined) return json;
  throw new FileError(
    `${folder.name}/config.json`,
    "found no such file, expected a model folder in Hugging Face layout, or a GGUF file",
  );
}

async function openTensors(folder: FolderSource): Promise<StoredTensors> {
  const index = await openTensorIndex(folder);
  try {
    return { index, codecs: await openCodecs(index, folder) };
  } catch (error) {
    await index.close();
    throw error;
  }
}

/** What a configuration says. */
export interface ShapeParts {
  readonly family: Family;
  readonly config: ModelConfig;
  readonly json: JsonObject;
}

/** Reads the configuration. If that fails, what it has opened is closed. */
export async function readShapes(parts: PartSources): Promise<ShapeParts> {
  try {
    const json = await parts.config.read();
    return { ...readModelConfig(json, parts.config.where), json };
  } catch (error) {
    await parts.close();
    throw error;
  }
}
