/** Opens the model of a GGUF file: its configuration, and its tensors under the names of a family. */

import type { JsonObject } from "../../base/json.ts";
import type { FolderSource } from "../../files/source.ts";
import { floatCodec } from "../../format/codecs/float-codec.ts";
import { ggufCodecs } from "../../format/codecs/gguf-codec.ts";
import { openGgufFiles } from "../../format/gguf/gguf-files.ts";
import type { GgufMetadata } from "../../format/gguf/gguf-metadata.ts";
import { readModelConfig } from "../config/families/index.ts";
import { type ModuleNames, nameFor } from "../config/module-names.ts";
import type { StoredTensors } from "../weights/locate.ts";
import { ggufConfig } from "./gguf-config.ts";
import { ggufIndex } from "./gguf-names.ts";

/** A GGUF model whose headers are read. Closing its index closes its files. */
export interface OpenedGguf extends StoredTensors {
  readonly metadata: GgufMetadata;
  /** The configuration with the field names of Hugging Face. */
  readonly json: JsonObject;
}

/** Opens the model whose first file in the folder is `file`. @throws the errors of files, headers, configurations and names. */
export async function openGgufModel(folder: FolderSource, file: string): Promise<OpenedGguf> {
  const parts = await openGgufFiles(folder, file);
  try {
    const { json, architecture } = await ggufConfig(parts);
    const { family, config } = readModelConfig(json, parts.name);
    const names = family.names.hub;
    const blocks = parts.metadata.number(`${parts.metadata.text("general.architecture")}.block_count`) ?? 0;
    const index = ggufIndex(parts, { names, config, pairedRows: architecture.pairedRows, blocks });
    const codecs = [...ggufCodecs(index, floatModules(names, config.layers)), floatCodec(index)];
    return { metadata: parts.metadata, json, index, codecs };
  } catch (error) {
    await parts.close();
    throw error;
  }
}

/** Router and gate of the shared experts are floats in memory. Some old files store them quantised. */
function floatModules({ router, sharedGate }: ModuleNames, layers: number): ReadonlySet<string> {
  const templates = [router, sharedGate].filter((template) => template !== undefined);
  return new Set(Array.from({ length: layers }, (_, layer) => templates.map((each) => nameFor(each, layer))).flat());
}
