/** The sources of a model's parts in a bundle, which holds the files of a folder, and weights as they lie in memory. */
import { FileError } from "../base/errors.ts";
import { readJsonObject } from "../files/json-file.ts";
import type { FolderSource } from "../files/source.ts";
import { bundleCodecs } from "../format/bundle/bundle-codec.ts";
import { openBundle } from "../format/bundle/open-bundle.ts";
import type { PartSources } from "./part-sources.ts";
import { folderText } from "./text/folder-text.ts";
import { readOnce } from "./text/text-parts.ts";

/** Directory and index are read once for all parts. */
export function bundleParts(folder: FolderSource, file: string): PartSources {
  const name = `${folder.name}/${file}`;
  let isTaken = false;
  const open = readOnce(async () => {
    const source = await folder.open(file);
    if (source === undefined) throw new FileError(name, "found no such file, expected a bundle");
    return openBundle(source);
  });
  const inner: FolderSource = {
    name,
    list: async () => [...(await open()).files.keys()],
    open: async (text) => (await open()).open(text),
    close: async () => {},
  };
  return {
    folder: inner,
    config: {
      where: `${name}/config.json`,
      async read() {
        const json = await readJsonObject(inner, "config.json");
        if (json !== undefined) return json;
        throw new FileError(name, "found no config.json in it, expected one in a bundle");
      },
    },
    text: folderText(inner),
    async openTensors() {
      isTaken = true;
      const index = await open();
      return { index, codecs: bundleCodecs(index) };
    },
    async close() {
      if (!isTaken) await (await open().catch(() => undefined))?.close();
    },
  };
}
