/** What a bundle gives of a model: the files of a folder, and weights as they lie in memory. */
import { FileError } from "../base/errors.ts";
import type { FolderSource } from "../files/source.ts";
import { bundleCodecs } from "../format/bundle/bundle-codec.ts";
import { openBundle } from "../format/bundle/open-bundle.ts";
import type { PartSources } from "./part-sources.ts";

/** @throws FileError if there is no such file; the errors of its index, by the name of the file. */
export async function bundleParts(
  folder: FolderSource,
  file: string,
): Promise<Pick<PartSources, "folder" | "openTensors" | "close">> {
  const name = `${folder.name}/${file}`;
  const source = await folder.open(file);
  if (source === undefined) throw new FileError(name, "found no such file, expected a bundle");
  const index = await openBundle(source);
  let isTaken = false;
  return {
    folder: { name, list: async () => [...index.files.keys()], open: index.open, close: async () => {} },
    async openTensors() {
      isTaken = true;
      return { index, codecs: bundleCodecs(index) };
    },
    async close() {
      if (!isTaken) await index.close();
    },
  };
}
