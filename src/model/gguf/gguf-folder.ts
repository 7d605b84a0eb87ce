/** Shows the texts of a GGUF file as the files of a folder in Hugging Face layout, so that whatever reads those reads a GGUF file too. */

import type { JsonObject } from "../../base/json.ts";
import { bytesSource, type FolderSource } from "../../files/source.ts";
import type { GgufText } from "../../text/gguf/gguf-text.ts";

/** What the files are made of; the texts are read when a file of theirs is first opened. */
export interface GgufFolderParts {
  readonly name: string;
  readonly json: () => Promise<JsonObject>;
  readonly text: () => Promise<GgufText | undefined>;
}

/** A folder of `config.json` and, if the file has a tokenizer, `tokenizer.json`, `tokenizer_config.json` and `generation_config.json`. */
export function ggufFolder({ name, json, text }: GgufFolderParts): FolderSource {
  const files: Readonly<Record<string, () => Promise<unknown>>> = {
    "config.json": json,
    "tokenizer.json": async () => (await text())?.tokenizerJson,
    "tokenizer_config.json": async () => (await text())?.tokenizerConfig,
    "generation_config.json": async () => (await text())?.generationConfig,
  };
  return {
    name,
    async list() {
      return (await text()) === undefined ? ["config.json"] : Object.keys(files);
    },
    async open(file) {
      const content = Object.hasOwn(files, file) ? await files[file]() : undefined;
      if (content === undefined) return undefined;
      const bytes = new TextEncoder().encode(`${JSON.stringify(content, null, file === "tokenizer.json" ? 0 : 2)}\n`);
      return bytesSource(`${name}/${file}`, bytes);
    },
    close: async () => {},
  };
}
