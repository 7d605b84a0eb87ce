/** Writes a model as a bundle: one file whose weights lie as they lie in the engine's memory (docs/formats.md). */
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import { committed } from "../../files/output.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { BundleOptions } from "./write-entries.ts";

const OPTIONS: KnownOptions<BundleOptions> = {
  ...{ output: true, machine: true, signal: true, onProgress: true, onWarning: true },
};

/**
 * Writes a model whose headers are read: of floats, GPTQ tensors or blocks of GGUF. The files stay open.
 * @returns the bytes of the bundle. @throws the errors of reading and writing, and the signal's reason; nothing remains then.
 */
export async function bundleModel(files: ModelFiles, options: BundleOptions): Promise<{ readonly bytes: number }> {
  checkKnownOptions<BundleOptions>("bundleModel", options, OPTIONS);
  const { writeEntries } = await import("./bundle-work.ts");
  return committed(options.output, async () => ({ bytes: await writeEntries(files, options) }));
}
