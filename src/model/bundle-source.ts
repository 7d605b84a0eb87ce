/** What a bundle gives of a model: the files of a folder, and weights as they lie in memory. */
import { FileError } from "../base/errors.ts";
import type { ByteSource, FolderSource } from "../files/source.ts";
import { bundleCodecs } from "../format/bundle/bundle-codec.ts";
import { openBundle } from "../format/bundle/open-bundle.ts";
import type { PartSources } from "./part-sources.ts";

/**
 * Opens a bundle. @returns undefined for a file without a name that does not begin as an archive does: it is a GGUF file.
 * @throws FileError if there is no such file; the errors of its index, by the name of the file.
 */
export async function bundleParts(
  folder: FolderSource,
  file: string,
): Promise<Pick<PartSources, "folder" | "openTensors" | "close"> | undefined> {
  const name = `${folder.name}/${file}`;
  const source = await folder.open(file);
  if (source === undefined) throw new FileError(name, "found no such file, expected a bundle");
  if (!/\.quern$/i.test(file) && !(await isArchive(source))) return undefined;
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

async function isArchive(source: ByteSource): Promise<boolean> {
  const start = new Uint8Array(Math.min(4, source.size));
  await source.read(0, start);
  return String(start) === "80,75,3,4";
}
