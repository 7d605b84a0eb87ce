/** The size of the code that a page loads before it opens a model, as a bundler makes it: minified, compressed, parts loaded later left out. */
import { gzipSync } from "node:zlib";
import { type OutputChunk, rolldown } from "rolldown";
import { expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

/** Without the tokenizer (its library, and our checks of its files) and without the kernels, whose size has a limit of its own. */
const LIMIT_BYTES = 60 * 1024;
const BASE64 = /[A-Za-z0-9+/=]{2000,}/g;

const isLeftOut = (id: string) =>
  id.startsWith("@huggingface/") || id === "fflate" || id.startsWith("node:") || /\/src\/text\//.test(id);

async function sizeOf(entry: string): Promise<number> {
  const input = repositoryFile(`src/${entry}.ts`);
  const bundle = await rolldown({ input, platform: "browser", external: isLeftOut, logLevel: "silent" });
  const { output } = await bundle.generate({ minify: true });
  await bundle.close();
  const chunks = output.filter((each): each is OutputChunk => each.type === "chunk");
  const first = new Set(chunks.filter((chunk) => chunk.isEntry));
  for (const { imports } of first) for (const chunk of chunks) if (imports.includes(chunk.fileName)) first.add(chunk);
  const code = [...first].map((chunk) => chunk.code.replaceAll(BASE64, "")).join("\n");
  expect(code.length).toBeGreaterThan(100_000);
  return gzipSync(code, { level: 9 }).byteLength;
}

it.each(["web", "core"])("the entry %s has at most 60 KiB", async (entry) => {
  expect(await sizeOf(entry)).toBeLessThanOrEqual(LIMIT_BYTES);
});
