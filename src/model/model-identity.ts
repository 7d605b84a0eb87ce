/** Identifies a model by a hash over its configuration and weights, which does not depend on where its folder is. */

import type { Turns } from "../base/turns.ts";
import { sha256, sha256OfPieces } from "../files/sha256.ts";
import type { ByteSource } from "../files/source.ts";
import type { ModelFiles, Progress } from "./model.ts";

/** Files that decide how the weights are read. */
const SETTINGS = ["config.json", "quantize_config.json"];

/** SHA-256 over name, size and hash of each file that the logits depend on. Reads every weight once, which is slow for large models. */
export async function modelHash(
  files: ModelFiles,
  turns: Turns,
  onProgress?: (progress: Progress) => void,
): Promise<string> {
  const weights = new Map([...files.index.entries.values()].map(({ source }) => [source.name, source]));
  const settings: ByteSource[] = [];
  try {
    for (const name of SETTINGS) {
      const source = await files.folder.open(name);
      if (source !== undefined) settings.push(source);
    }
    const lines: string[] = [];
    const sources = [...settings, ...weights.values()];
    const total = sources.reduce((sum, { size }) => sum + size, 0);
    let before = 0;
    for (const source of sources) {
      const hash = await sha256OfPieces(source, (done) => {
        turns.check();
        onProgress?.({ phase: "hash", done: before + done, total, unit: "bytes" });
      });
      before += source.size;
      lines.push(`${baseName(source.name)} ${source.size} ${hash}\n`);
    }
    return await sha256(new TextEncoder().encode(lines.sort().join("")));
  } finally {
    for (const source of settings) await source.close?.();
  }
}

/** SHA-256 of the tokenizer, or undefined. The tokens of a text depend on it, but the logits of given tokens do not. */
export async function tokenizerHash(files: ModelFiles, turns: Turns): Promise<string | undefined> {
  const source = await files.folder.open("tokenizer.json");
  try {
    return source && (await sha256OfPieces(source, () => turns.check()));
  } finally {
    await source?.close?.();
  }
}

/** The last part of a path. Names that are written to files must not reveal the folders around them. */
export function baseName(path: string): string {
  return path.split(/[/\\]/).findLast((part) => part !== "") ?? path;
}
