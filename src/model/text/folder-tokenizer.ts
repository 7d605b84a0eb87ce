/** Reads the tokenizer of a model folder. */
import { FileError } from "../../base/errors.ts";
import { readJsonObject } from "../../files/json-file.ts";
import type { FolderSource } from "../../files/source.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";

/** Reads `tokenizer.json` and `tokenizer_config.json`, if there is one; undefined for a folder without a tokenizer. */
export async function readTokenizer(folder: FolderSource): Promise<Tokenizer | undefined> {
  const json = await readJsonObject(folder, "tokenizer.json");
  if (json === undefined) return undefined;
  const config = await readJsonObject(folder, "tokenizer_config.json");
  // Tokenizers are a quarter of the engine's code, and work on ids needs none.
  const { createTokenizer } = await import("../../text/tokenizer.ts");
  return createTokenizer(json, config, `${folder.name}/tokenizer.json`);
}

/** The tokenizer that was read, for work that needs one. @throws FileError if there is none. */
export function requireTokenizer(folder: FolderSource, tokenizer: Tokenizer | undefined): Tokenizer {
  if (tokenizer !== undefined) return tokenizer;
  throw new FileError(
    `${folder.name}/tokenizer.json`,
    "found no such file, expected the model's tokenizer; give a folder that contains one, or token ids",
  );
}
