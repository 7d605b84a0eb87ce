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
import { createGgufTokenizer, type Tokenizer } from "../text/tokenizer.ts";
import { readTokenizer, requireTokenizer } from "./folder-tokenizer.ts";
import { ggufFolder } from "./gguf/gguf-folder.ts";
import { openGgufModel } from "./gguf/open-gguf.ts";
import type { StoredTensors } from "./weights/locate.ts";

export interface ConfigSource {
  /** Name of the source in messages, such as `models/fable-mixtral/config.json`. */
  readonly where: string;
  /** The configuration with the field names of Hugging Face. @throws FileError, FormatError or UnsupportedError if there is none. */
  read(): Promise<JsonObject>;
}

/** A source of the tokenizer, which is read once, at the first call. */
export interface TokenizerSource {
  /** The tokenizer; undefined for a model without one. */
  read(): Promise<Tokenizer | undefined>;
  /** The tokenizer, for work that needs one. @throws FileError if there is none. */
  require(): Promise<Tokenizer>;
}

/** The sources from which a model is opened. */
export interface PartSources {
  /** The folder, or what a GGUF file would be as a folder in Hugging Face layout, without the tensors. */
  readonly folder: FolderSource;
  readonly config: ConfigSource;
  readonly tokenizer: TokenizerSource;
  /** Opens the tensors and reads only their headers. The caller closes the index. */
  openTensors(): Promise<StoredTensors>;
  /** Closes what reading the configuration has opened, unless `openTensors` was called. */
  close(): Promise<void>;
}

/**
 * The sources in a folder: in Hugging Face layout, which may contain only `config.json`, or a GGUF file, which has everything in it. A
 * GGUF file beside `.safetensors` files is passed over, and so is a `config.json` beside a GGUF file.
 */
export async function modelParts(folder: FolderSource): Promise<PartSources> {
  const files = await folder.list();
  const gguf = files.some(isTensorFile) ? undefined : await findGguf(folder);
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
  const read = once(() => readTokenizer(folder));
  return {
    folder,
    config: { where: `${folder.name}/config.json`, read: () => readConfig(folder) },
    tokenizer: { read, require: async () => requireTokenizer(folder, await read()) },
    openTensors: () => openTensors(folder),
    close: async () => {},
  };
}

/** The header is read once for all parts. */
function ggufParts(folder: FolderSource, file: string): PartSources {
  const where = `${folder.name}/${file}`;
  let isTaken = false;
  const open = once(() => openGgufModel(folder, file));
  const json = async () => (await open()).json;
  const text = once(async () => readGgufText((await open()).metadata));
  const read = once(async () => {
    const found = await text();
    return found === undefined ? undefined : createGgufTokenizer(found, where);
  });
  return {
    folder: ggufFolder({ name: where, json, text }),
    config: { where, read: json },
    tokenizer: { read, require: async () => (await read()) ?? missingGgufTokenizer(where) },
    async openTensors() {
      isTaken = true;
      return open();
    },
    async close() {
      if (!isTaken) await (await open().catch(() => undefined))?.index.close();
    },
  };
}

/** The result of the first call, for all calls. */
function once<T>(work: () => Promise<T>): () => Promise<T> {
  let known: Promise<T> | undefined;
  return () => (known ??= work());
}

function missingGgufTokenizer(where: string): never {
  throw new FileError(
    `${where}: tokenizer.ggml.model`,
    "found nothing, expected the model's tokenizer; give a file that contains one, or token ids",
  );
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
