/** Reads JSON from files: whole, within limits, and parsed strictly. */
import {
  asObject,
  JSON_LIMITS,
  type JsonLimits,
  type JsonObject,
  type JsonValue,
  parseJsonBytes,
} from "../base/json.ts";
import { type ByteSource, type FolderSource, readAll, refuseLfsPointer } from "./source.ts";

export async function readJson(source: ByteSource, limits: JsonLimits = JSON_LIMITS): Promise<JsonValue> {
  const bytes = await readAll(source, limits.maxBytes);
  refuseLfsPointer(bytes, source.name);
  return parseJsonBytes(bytes, source.name, limits);
}

/** The object in `folder/file`, or `undefined` where there is no such file. */
export async function readJsonObject(folder: FolderSource, file: string): Promise<JsonObject | undefined> {
  const source = await folder.open(file);
  if (source === undefined) return undefined;
  try {
    return asObject(await readJson(source), source.name);
  } finally {
    await source.close?.();
  }
}
