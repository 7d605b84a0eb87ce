/** The size of the code that a page loads before it opens a model, as a bundler makes it: minified, compressed, parts loaded later left out. */
import { gzipSync } from "node:zlib";
import { type OutputChunk, rolldown } from "rolldown";
import { expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

/** Bytes of entries together, with packages. Kernels are loaded with the first model, and tokenizers and templates with a model that has them. */
const LIMITS: readonly (readonly [entries: readonly string[], bytes: number])[] = [
  [["web"], 60_000],
  [["core"], 56_000],
  [["web", "core", "quantize", "evaluate", "bench"], 158_000],
];

async function sizeOf(entries: readonly string[]): Promise<number> {
  const input = Object.fromEntries(entries.map((entry) => [entry, repositoryFile(`src/${entry}.ts`)]));
  const bundle = await rolldown({ input, platform: "browser", logLevel: "silent" });
  const { output } = await bundle.generate({ minify: true });
  await bundle.close();
  const chunks = output.filter((each): each is OutputChunk => each.type === "chunk");
  const first = new Set(chunks.filter((chunk) => chunk.isEntry));
  for (const { imports } of first) for (const chunk of chunks) if (imports.includes(chunk.fileName)) first.add(chunk);
  return [...first].reduce((sum, { code }) => sum + gzipSync(code, { level: 9 }).byteLength, 0);
}

it.each(LIMITS)("the entries %j have at most %d bytes", async (entries, bytes) => {
  const size = await sizeOf(entries);
  expect(size).toBeLessThanOrEqual(bytes);
  expect(size).toBeGreaterThan(0.5 * bytes);
});
