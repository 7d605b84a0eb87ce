/** The files of a model that come with its weights: tokenizer, generation settings, chat template. */
import type { OutputFolder } from "../../files/output.ts";
import { readAll } from "../../files/source.ts";
import type { ModelFiles } from "../../model/model.ts";

/** Files that are copied unchanged if the source folder has them. */
const COMPANIONS: readonly string[] = [
  "tokenizer.json",
  "tokenizer_config.json",
  "special_tokens_map.json",
  "added_tokens.json",
  "vocab.json",
  "merges.txt",
  "tokenizer.model",
  "generation_config.json",
  "chat_template.jinja",
];
const MAX_COMPANION_BYTES = 200_000_000;

/** Copies tokenizer, generation settings, chat template and the files of `more` unchanged, if the source folder has them. */
export async function copyCompanions(
  files: ModelFiles,
  output: OutputFolder,
  more: readonly string[] = [],
): Promise<void> {
  for await (const [file, bytes] of readCompanions(files, more)) await writeBytes(output, file, bytes);
}

/** Those files, with their content. */
export async function* readCompanions(
  { folder }: ModelFiles,
  more: readonly string[],
): AsyncGenerator<readonly [file: string, bytes: Uint8Array]> {
  for (const file of new Set([...more, ...COMPANIONS])) {
    const source = await folder.open(file);
    if (source === undefined) continue;
    try {
      yield [file, await readAll(source, MAX_COMPANION_BYTES)];
    } finally {
      await source.close?.();
    }
  }
}

export async function writeText(output: OutputFolder, file: string, text: string): Promise<void> {
  await writeBytes(output, file, new TextEncoder().encode(text));
}

async function writeBytes(output: OutputFolder, file: string, bytes: Uint8Array): Promise<void> {
  const sink = await output.file(file);
  await sink.write(bytes);
  await sink.close();
}
