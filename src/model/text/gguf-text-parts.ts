/** The text parts of a GGUF file, from its metadata. */
import { FileError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import type { GgufText } from "../../text/gguf/gguf-text.ts";
import { configChat } from "./chat-files.ts";
import { readGenerationSettings } from "./generation-settings.ts";
import { readOnce, type TextParts } from "./text-parts.ts";

/** @param text reads the metadata, at the first call of a part; `where` names the file in messages. */
export function ggufTextParts(text: () => Promise<GgufText | undefined>, where: string): TextParts {
  const read = readOnce(async () => {
    const found = await text();
    if (found === undefined) return undefined;
    const { createGgufTokenizer } = await import("../../text/tokenizer.ts");
    return createGgufTokenizer(found, where);
  });
  return {
    tokenizer: {
      read,
      async require() {
        const found = await read();
        if (found !== undefined) return found;
        throw new FileError(
          `${where}: tokenizer.ggml.model`,
          "found nothing, expected the model's tokenizer; give a file that contains one, or token ids",
        );
      },
    },
    chat: configChat(where, async () => (await text())?.tokenizerConfig as JsonObject | undefined),
    generation: readOnce(async () =>
      readGenerationSettings((await text())?.generationConfig as JsonObject | undefined, where),
    ),
  };
}
