/**
 * The sources of a model's parts: configuration, tokenizer and tensors. A folder in Hugging Face layout has separate files for them;
 * other containers have all three in one file.
 */
import { FileError, UnsupportedError } from "../base/errors.ts";
import type { JsonObject } from "../base/json.ts";
import { readJsonObject } from "../files/json-file.ts";
import type { FolderSource } from "../files/source.ts";
import { ggufOf, openTensorIndex } from "../format/checkpoint.ts";
import { openCodecs } from "../format/codecs/open-codecs.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import { readTokenizer, requireTokenizer } from "./folder-tokenizer.ts";
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
  readonly config: ConfigSource;
  readonly tokenizer: TokenizerSource;
  /** Opens the tensors and reads only their headers. The caller closes the index. */
  openTensors(): Promise<StoredTensors>;
}

/** The sources in a folder in Hugging Face layout, which may contain only `config.json`. */
export function folderModel(folder: FolderSource): PartSources {
  let known: Promise<Tokenizer | undefined> | undefined;
  const read = () => (known ??= readTokenizer(folder));
  return {
    config: { where: `${folder.name}/config.json`, read: () => readConfig(folder) },
    tokenizer: { read, require: async () => requireTokenizer(folder, await read()) },
    openTensors: () => openTensors(folder),
  };
}

async function readConfig(folder: FolderSource): Promise<JsonObject> {
  const json = await readJsonObject(folder, "config.json");
  if (json !== undefined) return json;
  const wanted = "a model folder in Hugging Face layout";
  const gguf = await ggufOf(folder);
  if (gguf !== undefined) throw new UnsupportedError(folder.name, `a GGUF file (${gguf}) and no config.json`, [wanted]);
  throw new FileError(`${folder.name}/config.json`, `found no such file, expected ${wanted}`);
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
