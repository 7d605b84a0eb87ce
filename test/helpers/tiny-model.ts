/** The smallest model of the repository with a tokenizer of its 256 bytes, so that every job runs on it within milliseconds. */
import { nodeFolder } from "../../src/adapter/node.ts";
import { LOW_BIT_GRID, type QuantizeSettings, quantizableLinears } from "../../src/compress/recipe/settings.ts";
import { bytesSource, type FolderSource } from "../../src/files/source.ts";
import { type LanguageModel, type LoadOptions, loadModel } from "../../src/index.ts";
import type { Model } from "../../src/model/model.ts";
import { mulberry32 } from "./random.ts";
import { readText, repositoryFile } from "./shared.ts";

const BYTES = 257;

/** `test/fixtures/families/deepseek-f16` with the bytes of fable-mixtral's tokenizer, no merges. */
export async function tinyFolder(): Promise<FolderSource> {
  const files = await nodeFolder(repositoryFile("test/fixtures/families/deepseek-f16"));
  const tokenizer = JSON.parse(readText(repositoryFile("models/fable-mixtral/tokenizer.json")));
  const vocab = Object.entries(tokenizer.model.vocab as Record<string, number>).filter(([, id]) => id < BYTES);
  tokenizer.model = { ...tokenizer.model, vocab: Object.fromEntries(vocab), merges: [] };
  const bytes = new TextEncoder().encode(JSON.stringify(tokenizer));
  return {
    name: files.name,
    list: async () => [...(await files.list()), "tokenizer.json"],
    open: async (name) => (name === "tokenizer.json" ? bytesSource(name, bytes) : files.open(name)),
    close: () => files.close(),
  };
}

export async function openTinyModel(options: LoadOptions = {}): Promise<LanguageModel> {
  return loadModel(await tinyFolder(), options);
}

export function tinyIds(count: number, seed: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => Math.floor(random() * BYTES));
}

/** Some linears of each kind that fit the grid, at 4 bits with error feedback: what touches most memory. */
export function tinySettings({ files }: Model): QuantizeSettings {
  const fitting = quantizableLinears(files).filter(({ cols, expert }) => cols % 32 === 0 && expert < 3);
  return { ...LOW_BIT_GRID, modules: new Map(fitting.map(({ name }) => [name, { bits: 4, groupSize: 32 }])) };
}
