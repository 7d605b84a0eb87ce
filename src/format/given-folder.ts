/** What a caller gives as a model where there are no paths: files by name, or something that opens files. */

import { UsageError } from "../errors.ts";
import { describeGiven, isBytes, isList, quoted } from "./given.ts";
import { type FolderSource, filesFolder } from "./source.ts";

const WANTED = 'files by name such as { "config.json": bytes, ... }, or a FolderSource';

/** @throws UsageError naming what was given in the stead of files. */
export function givenFolder(source: unknown): FolderSource {
  if (typeof source === "string")
    throw new UsageError("model", `the text ${quoted(source)}`, `${WANTED} (${whyNoPath(source)})`);
  if (typeof source !== "object" || source === null) throw new UsageError("model", describeGiven(source), WANTED);
  if (source instanceof URL)
    throw new UsageError("model", `the URL ${quoted(source.href)}`, `${WANTED} (${whyNoPath("://")})`);
  const fault = isList(source) || isBytes(source) || source instanceof Map;
  if (fault) throw new UsageError("model", describeGiven(source), WANTED);
  const { open, list } = source as Partial<FolderSource>;
  if (typeof open !== "function") return filesFolder("model", source as Readonly<Record<string, Uint8Array>>);
  if (typeof list === "function") return source as FolderSource;
  throw new UsageError("model", "an object with open but without list", WANTED);
}

function whyNoPath(text: string): string {
  return /:\/\//.test(text) ? "URLs are not fetched here" : "paths need a runtime with a file system";
}
