/**
 * The sources of a model's parts: configuration, tokenizer and tensors. A folder in Hugging Face layout has separate files for them;
 * other containers have all three in one file.
 */
import { FileError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { readJsonObject } from "../files/json-file.ts";
import type { FolderSource } from "../files/source.ts";
import { openTensorIndex } from "../format/checkpoint.ts";
import { openCodecs } from "../format/codecs/open-codecs.ts";
import { findGguf } from "../format/gguf/gguf-files.ts";
import { readGgufText } from "../text/gguf/gguf-text.ts";
import { ggufFolder } from "./gguf/gguf-folder.ts";
import { openGgufModel } from "./gguf/open-gguf.ts";
import { folderText } from "./text/folder-text.ts";
import { ggufTextParts } from "./text/gguf-text-parts.ts";
import { readOnce, type TextParts } from "./text/text-parts.ts";
import type { StoredTensors } from "./weights/locate.ts";

export interface ConfigSource {
  /** Name of the source in messages, such as `models/fable-mixtral/config.json`. */
  readonly where: string;
  /** The configuration with the field names of Hugging Face. @throws FileError, FormatError or UnsupportedError if there is none. */
  read(): Promise<JsonObject>;
}

/** The sources from which a model is opened. */
export interface PartSources {
  /** The folder, or what a GGUF file would be as a folder in Hugging Face layout, without the tensors. */
  readonly folder: FolderSource;
  readonly config: ConfigSource;
  readonly text: TextParts;
  /** Opens the tensors and reads only their headers. The caller closes the index. */
  openTensors(): Promise<StoredTensors>;
  /** Closes what reading the configuration has opened, unless `openTensors` was called. */
  close(): Promise<void>;
}

/**
 * The sources in a folder: in Hugging Face layout, which may contain only `config.json`, or a GGUF file, which has everything in it. A
 * GGUF file beside `model.safetensors` or its index is passed over, and so is a `config.json` beside a GGUF file.
 */
export async function modelParts(folder: FolderSource): Promise<PartSources> {
  const files = await folder.list();
  const isHuggingFace = files.some((file) => /^model\.safetensors(?:\.index\.json)?$/.test(file));
  const gguf = isHuggingFace ? undefined : await findGguf(folder);
  return gguf === undefined ? folderParts(folder) : ggufParts(folder, gguf);
}

/** Whether a file of this name has weights in Hugging Face layout, or lists the files that do. */
function isTensorFile(file: string): boolean {
  return /\.safetensors(?:\.index\.json)?$/.test(file);
}

/** Whether the folder has weights, not only a configuration. */
export async function hasWeights(folder: FolderSource): Promise<boolean> {
  return (await folder.list()).some((file) => isTensorFile(file) || /\.gguf$/i.test(file));
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

/** The header is read once for all parts. */
function ggufParts(folder: FolderSource, file: string): PartSources {
  const where = `${folder.name}/${file}`;
  let isTaken = false;
  const open = readOnce(() => openGgufModel(folder, file));
  const json = async () => (await open()).json;
  const text = readOnce(async () => readGgufText((await open()).metadata));
  return {
    folder: ggufFolder({ name: where, json, text }),
    config: { where, read: json },
    text: ggufTextParts(text, where),
    async openTensors() {
      isTaken = true;
      return open();
    },
    async close() {
      if (!isTaken) await (await open().catch(() => undefined))?.index.close();
    },
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
