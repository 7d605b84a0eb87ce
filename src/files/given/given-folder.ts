/** A model that a caller gives without a path: files by name, a list of files, a directory handle, one file, or an object that opens files. */

import { UsageError } from "../../base/errors.ts";
import { quoted } from "../../base/json.ts";
import { isFile, isList, isResponse, requireGivenFile, requireRecord } from "../given-files.ts";
import { type FilesByName, type FolderSource, filesFolder, type GivenFile, sourceOf } from "../source.ts";
import { type DirectoryHandle, directoryFolder, isDirectoryHandle } from "./directory-folder.ts";
import { listFolder } from "./file-list.ts";

/** What stands for a model: the files of its folder in any form, or one GGUF file or bundle. */
export type GivenModel =
  | FolderSource
  | FilesByName
  | ReadonlyMap<string, GivenFile | PromiseLike<GivenFile>>
  | ArrayLike<File>
  | DirectoryHandle
  | GivenFile;

const WANTED = 'files by name such as { "config.json": bytes, ... }, or a FolderSource';

/** @throws UsageError naming what was given instead of files. */
export function givenFolder(source: unknown): FolderSource {
  if (typeof source === "string") {
    const why = "paths need a runtime with a file system";
    throw new UsageError("model", `the text ${quoted(source)}`, `${WANTED} (${why})`);
  }
  if (isFile(source)) return fileFolder(source as GivenFile);
  if (typeof source === "object" && source !== null && isList(source)) return listFolder(source);
  if (isDirectoryHandle(source)) return directoryFolder(source);
  if (source instanceof Map) return filesFolder("model", Object.fromEntries(source) as FilesByName);
  requireRecord("model", source);
  const { open, list } = source as Partial<FolderSource>;
  if (typeof open !== "function") return filesFolder("model", source as FilesByName);
  if (typeof list === "function") return checked(source as FolderSource);
  throw new UsageError("model", "an object with open but without list", WANTED);
}

/** The name of a file that was given without one. Whether it is GGUF or a bundle is seen in its first bytes. */
export const UNNAMED_FILE = "model.gguf";

/** One file as a folder. */
function fileFolder(file: GivenFile): FolderSource {
  const name = nameOf(file).split(/[/\\]/).at(-1) as string;
  return filesFolder("model", { [name === "" ? UNNAMED_FILE : name]: file });
}

function nameOf(file: GivenFile): string {
  if (isResponse(file)) return URL.canParse(file.url) ? new URL(file.url).pathname : "";
  const { name } = file as { readonly name?: unknown };
  return typeof name === "string" ? name : "";
}

/** The caller's own folder. Each file that it opens is checked; bytes and blobs count as files too. */
function checked(folder: FolderSource): FolderSource {
  const { name = "model" } = folder as Partial<FolderSource>;
  return {
    name,
    list: () => folder.list(),
    async open(file) {
      const found = (await folder.open(file)) as GivenFile | null | undefined;
      if (found === undefined || found === null) return undefined;
      requireGivenFile(`${name}/${file}`, found);
      return sourceOf(`${name}/${file}`, found);
    },
    async close() {
      await (folder as Partial<FolderSource>).close?.();
    },
  };
}
