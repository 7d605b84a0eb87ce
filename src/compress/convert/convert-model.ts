/** Writes the model of a GGUF file or a bundle as a folder in Hugging Face layout. */

import { UnsupportedError } from "../../base/errors.ts";
import { committed } from "../../files/output.ts";
import type { FolderSource } from "../../files/source.ts";
import { readModelFiles } from "../../model/model.ts";
import { type ConvertOptions, checkConvertOptions, writeFolder } from "./write-folder.ts";

/**
 * Converts the GGUF file or the bundle that a folder lists. @returns the bytes of all weight files.
 * @throws UnsupportedError for other folders, and the errors of reading and writing. If anything fails, nothing remains.
 */
export async function convertModel(folder: FolderSource, options: ConvertOptions): Promise<{ readonly bytes: number }> {
  checkConvertOptions(options);
  const files = await readModelFiles(folder);
  try {
    if (files.folder === folder) throw new UnsupportedError(folder.name, "no GGUF file or bundle", ["one"]);
    return await committed(options.output, async () => {
      if (files.linears[0].stored.lying === undefined) return writeFolder(files, options);
      const { writeBundleFolder } = await import("./bundle-work.ts");
      return writeBundleFolder(files, options);
    });
  } finally {
    await files.index.close();
  }
}
