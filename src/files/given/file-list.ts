/** A list of files as a folder: what `<input type="file" multiple>`, `<input webkitdirectory>` or a drop gives. */

import { UsageError } from "../../base/errors.ts";
import { describeGiven } from "../given-files.ts";
import { type FolderSource, filesFolder } from "../source.ts";

/**
 * Files of sub-folders are left out, as in a folder on disk.
 * @throws UsageError for an entry that is not a `File`, and for two files of one name.
 */
export function listFolder(list: ArrayLike<unknown>): FolderSource {
  if (list.length === 0) throw new UsageError("model", "an empty list of files", "the files of a model");
  const files = Array.from(list, (entry, at) => {
    if (typeof File !== "undefined" && entry instanceof File) return { file: entry, path: pathOf(entry) };
    throw new UsageError(`model[${at}]`, describeGiven(entry), "a File");
  });
  const depth = Math.min(...files.map(({ path }) => path.length));
  const own = files.filter(({ path }) => path.length === depth);
  const byName: Record<string, File> = Object.create(null);
  for (const { file, path } of own) {
    const name = path[depth - 1];
    if (name in byName) throw new UsageError("model", `two files called ${name}`, "the files of one model");
    byName[name] = file;
  }
  return filesFolder(depth > 1 ? own[0].path[depth - 2] : "model", byName);
}

/** A picked folder gives each file's path from that folder on, and the folder's own name first. */
function pathOf(file: File): readonly string[] {
  const { webkitRelativePath = "" } = file as Partial<File>;
  return (webkitRelativePath === "" ? file.name : webkitRelativePath).split("/");
}
