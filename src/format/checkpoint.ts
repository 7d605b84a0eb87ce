/**
 * Opens the checkpoint of a Hugging Face folder: `model.safetensors`, the shards that `model.safetensors.index.json` names, or the only
 * file or index of another name, such as AutoGPTQ's `gptq_model-4bit-128g.safetensors`.
 */

import { FileError, FormatError } from "../base/errors.ts";
import { asObject, describeJson, type JsonValue } from "../base/json.ts";
import { readJsonObject } from "../files/json-file.ts";
import type { ByteSource, FolderSource } from "../files/source.ts";
import { openSafetensors, type TensorFile } from "./safetensors.ts";
import type { TensorEntry, TensorIndex } from "./tensor-index.ts";

const SINGLE = "model.safetensors";
const INDEX = "model.safetensors.index.json";

/** Indexes every tensor of the folder. Headers are read and checked, the tensors' bytes are not read. */
export async function openTensorIndex(folder: FolderSource): Promise<TensorIndex> {
  const single = await folder.open(SINGLE);
  if (single !== undefined) return openOrClose(single);
  const index = await readJsonObject(folder, INDEX);
  if (index !== undefined) return openShards(folder, readWeightMap(index["weight_map"], `${folder.name}/${INDEX}`));
  const others = (await folder.list()).filter((file) => file.endsWith(".safetensors.index.json"));
  const only = others.length === 1 ? await readJsonObject(folder, others[0]) : undefined;
  if (only === undefined) return openOnlyFile(folder);
  return openShards(folder, readWeightMap(only["weight_map"], `${folder.name}/${others[0]}`));
}

/** Quantisers often name their one file freely (`gptq_model-4bit-128g.safetensors`). */
async function openOnlyFile(folder: FolderSource): Promise<TensorIndex> {
  const files = (await folder.list()).filter((file) => file.endsWith(".safetensors"));
  const only = files.length === 1 ? await folder.open(files[0]) : undefined;
  if (only !== undefined) return openOrClose(only);
  const found =
    files.length === 0
      ? "no .safetensors file"
      : `${files.length} .safetensors files (${files.slice(0, 3).join(", ")}...)`;
  throw new FileError(folder.name, `found ${found}, expected ${SINGLE} or ${INDEX}`);
}

/** Reads the map from tensor name to file name. A file name that could lead out of the folder is refused. */
function readWeightMap(value: JsonValue | undefined, where: string): ReadonlyMap<string, string> {
  const object = asObject(value, `${where}: weight_map`);
  const map = new Map<string, string>();
  for (const [tensor, file] of Object.entries(object)) {
    if (typeof file !== "string" || !/^[^/\\:\0]+\.safetensors$/.test(file))
      throw new FormatError(
        `${where}: weight_map["${tensor}"]`,
        `found ${describeJson(file)}, expected the name of a .safetensors file in the same folder`,
      );
    map.set(tensor, file);
  }
  return map;
}

/** Opens a file, which then owns the source. If its header is not valid, the source is closed. */
async function openOrClose(source: ByteSource): Promise<TensorFile> {
  try {
    return await openSafetensors(source);
  } catch (error) {
    await source.close?.();
    throw error;
  }
}

async function openShards(folder: FolderSource, weightMap: ReadonlyMap<string, string>): Promise<TensorIndex> {
  const shards = new Map<string, TensorFile>();
  const close = async () => {
    for (const shard of shards.values()) await shard.close();
  };
  try {
    await openEach(folder, weightMap, shards);
    return { name: folder.name, entries: mergeShards(folder.name, shards, weightMap), close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Shards that are opened side by side: on a server, each of them is a round trip or two. */
const SHARDS_AT_ONCE = 8;

/** Opens each shard once, and leaves those that could be opened in `shards`, also when one of the others fails. */
async function openEach(
  folder: FolderSource,
  weightMap: ReadonlyMap<string, string>,
  shards: Map<string, TensorFile>,
): Promise<void> {
  const files = [...new Set(weightMap.values())];
  for (let start = 0; start < files.length; start += SHARDS_AT_ONCE) {
    const group = files.slice(start, start + SHARDS_AT_ONCE);
    const opened = await Promise.allSettled(group.map((file) => openShard(folder, weightMap, file)));
    for (const [i, result] of opened.entries()) if (result.status === "fulfilled") shards.set(group[i], result.value);
    for (const result of opened) if (result.status === "rejected") throw result.reason;
  }
}

async function openShard(
  folder: FolderSource,
  weightMap: ReadonlyMap<string, string>,
  file: string,
): Promise<TensorFile> {
  const source = await folder.open(file);
  if (source !== undefined) return openOrClose(source);
  const [tensor] = [...weightMap].find(([, shard]) => shard === file) ?? [];
  throw new FileError(
    `${folder.name}/${file}`,
    `found no such file, expected the shard that ${INDEX} names for tensor ${tensor}`,
  );
}

/** Merges the tensors of all shards. Tensors that the index does not list are kept, as in other loaders; one in two shards or in the wrong one is refused. */
function mergeShards(
  name: string,
  shards: ReadonlyMap<string, TensorFile>,
  weightMap: ReadonlyMap<string, string>,
): ReadonlyMap<string, TensorEntry> {
  const entries = new Map<string, TensorEntry>();
  for (const [file, shard] of shards)
    for (const entry of shard.entries.values()) {
      const listed = weightMap.get(entry.name);
      const elsewhere =
        listed !== undefined && listed !== file ? `${INDEX} says ${listed}` : entries.get(entry.name)?.source.name;
      if (elsewhere !== undefined)
        throw new FormatError(
          `${shard.name}: tensor ${entry.name}`,
          `found it here, expected it in one shard only (${elsewhere})`,
        );
      entries.set(entry.name, entry);
    }
  for (const [tensor, file] of weightMap)
    if (!entries.has(tensor))
      throw new FormatError(`${name}/${file}`, `found no tensor "${tensor}", expected it there, as ${INDEX} says`);
  return entries;
}
