/** The sources of a model's parts in a GGUF file, which holds configuration, tokenizer and tensors. */
import type { FolderSource } from "../files/source.ts";
import { readGgufText } from "../text/gguf/gguf-text.ts";
import { ggufFolder } from "./gguf/gguf-folder.ts";
import { openGgufModel } from "./gguf/open-gguf.ts";
import type { PartSources } from "./part-sources.ts";
import { ggufTextParts } from "./text/gguf-text-parts.ts";
import { readOnce } from "./text/text-parts.ts";

/** The header is read once for all parts. */
export function ggufParts(folder: FolderSource, file: string): PartSources {
  const where = `${folder.name}/${file}`;
  let isTaken = false;
  const open = readOnce(() => openGgufModel(folder, file));
  const json = async () => (await open()).json;
  const text = readOnce(async () => readGgufText((await open()).metadata));
  return {
    folder: ggufFolder({ name: where, json, text }),
    config: { where, read: json },
    text: ggufTextParts(text, where),
    async openTensors() {
      isTaken = true;
      return open();
    },
    async close() {
      if (!isTaken) await (await open().catch(() => undefined))?.index.close();
    },
  };
}
