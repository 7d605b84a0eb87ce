/** A model that a caller gives without a path: files by name, or an object that opens files. */

import { UsageError } from "../base/errors.ts";
import { quoted } from "../base/json.ts";
import { requireGivenFile, requireRecord } from "./given-files.ts";
import { type FolderSource, filesFolder, sourceOf } from "./source.ts";

const WANTED = 'files by name such as { "config.json": bytes, ... }, or a FolderSource';

/** @throws UsageError naming what was given instead of files. */
export function givenFolder(source: unknown): FolderSource {
  const text = source instanceof URL ? source.href : source;
  if (typeof text === "string") {
    const why = /:\/\//.test(text) ? "URLs are not fetched here" : "paths need a runtime with a file system";
    throw new UsageError("model", `the text ${quoted(text)}`, `${WANTED} (${why})`);
  }
  requireRecord("model", source);
  const { open, list } = source as Partial<FolderSource>;
  if (typeof open !== "function") return filesFolder("model", source as Readonly<Record<string, Uint8Array>>);
  if (typeof list === "function") return checked(source as FolderSource);
  throw new UsageError("model", "an object with open but without list", WANTED);
}

/** The caller's own folder. Each file that it opens is checked; bytes and blobs count as files too. */
function checked(folder: FolderSource): FolderSource {
  const { name = "model" } = folder as Partial<FolderSource>;
  return {
    name,
    list: () => folder.list(),
    async open(file) {
      const found = (await folder.open(file)) as FolderFile | null | undefined;
      if (found === undefined || found === null) return undefined;
      requireGivenFile(`${name}/${file}`, found);
      return sourceOf(`${name}/${file}`, found);
    },
    async close() {
      await (folder as Partial<FolderSource>).close?.();
    },
  };
}

type FolderFile = Parameters<typeof sourceOf>[1];
