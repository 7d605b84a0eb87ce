// Writes models for speed into a folder: node bench/peers/models/generate.mjs NAME QUANTISATION [FOLDER], as in granitemoe-1b q4_0.
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { writeModel } from "./gguf-writer.mjs";

export const MODELS = fileURLToPath(new URL("../../../build/peers-models", import.meta.url));

/** The path of a model, which is written if it is not there. */
export function ensureModel(name, quantisation, folder = MODELS) {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}-${quantisation}.gguf`);
  if (!existsSync(path)) {
    console.error(`writing ${path}`);
    writeModel(name, quantisation, path);
  }
  return path;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [name, quantisation, folder] = process.argv.slice(2);
  console.log(ensureModel(name, quantisation, folder));
}
