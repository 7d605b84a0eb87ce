/** Finds the settings of a GPTQ checkpoint: `quantize_config.json`, `quant_config.json` or `quantization_config` in `config.json`. */

import { asObject, type JsonObject } from "../../base/json.ts";
import { readJsonObject } from "../../files/json-file.ts";
import type { FolderSource } from "../../files/source.ts";

/** Settings as they are in a file, and where that is. */
export interface FoundSettings {
  readonly json: JsonObject;
  readonly where: string;
}

const FILES = ["quantize_config.json", "quant_config.json"];

/** The settings of the checkpoint in `folder`, or `undefined` if it is not quantised. */
export async function findGptqSettings(folder: FolderSource): Promise<FoundSettings | undefined> {
  for (const file of FILES) {
    const json = await readJsonObject(folder, file);
    if (json !== undefined) return { json, where: `${folder.name}/${file}` };
  }
  const config = await readJsonObject(folder, "config.json");
  const section = config?.["quantization_config"];
  if (section === undefined || section === null) return undefined;
  const where = `${folder.name}/config.json: quantization_config`;
  const json = asObject(section, where);
  // Experts in MXFP4 have no settings; they are known by the names of their tensors.
  return json["quant_method"] === "mxfp4" ? undefined : { json, where };
}
