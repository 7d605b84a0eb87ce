/** The size of what a page downloads, as a bundler makes it: minified and compressed, without the tokenizers' library. */
import { gzipSync } from "node:zlib";
import { rolldown } from "rolldown";
import { expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

/** Kernels are in the bundle as base64, which compresses to three quarters of what it is. */
async function sizes(entry: string): Promise<{ readonly code: number; readonly kernels: number }> {
  const bundle = await rolldown({
    input: repositoryFile(`src/${entry}.ts`),
    platform: "browser",
    external: (id) => id.startsWith("@huggingface/") || id.startsWith("node:"),
    logLevel: "silent",
  });
  const { output } = await bundle.generate({ minify: true, codeSplitting: false });
  await bundle.close();
  const text = output.map((each) => (each.type === "chunk" ? each.code : "")).join("");
  const kernels = text.match(/[A-Za-z0-9+/=]{2000,}/g)?.join("") ?? "";
  const size = (part: string) => gzipSync(part, { level: 9 }).byteLength;
  return { code: size(text) - (kernels === "" ? 0 : size(kernels)), kernels: kernels === "" ? 0 : size(kernels) };
}

it.each(["web", "core"])("%s", async (entry) => {
  const found = await sizes(entry);
  console.log(entry, found);
  expect(found.code).toBeLessThanOrEqual(60 * 1024);
});
