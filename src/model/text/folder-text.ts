/** The text parts of a folder in Hugging Face layout, which may hold only tokenizer files. */
import { readJsonObject } from "../../files/json-file.ts";
import type { FolderSource } from "../../files/source.ts";
import { folderChat } from "./chat-files.ts";
import { readTokenizer, requireTokenizer } from "./folder-tokenizer.ts";
import { readGenerationSettings } from "./generation-settings.ts";
import { readOnce, type TextParts } from "./text-parts.ts";

const GENERATION_CONFIG = "generation_config.json";

export function folderText(folder: FolderSource): TextParts {
  const read = readOnce(() => readTokenizer(folder));
  return {
    tokenizer: { read, require: async () => requireTokenizer(folder, await read()) },
    chat: folderChat(folder),
    generation: readOnce(async () =>
      readGenerationSettings(await readJsonObject(folder, GENERATION_CONFIG), `${folder.name}/${GENERATION_CONFIG}`),
    ),
  };
}
