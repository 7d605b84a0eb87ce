/** Exports `quern` for browsers and other runtimes without a file system: all but opening models by path. */
import type { LanguageModel, LoadOptions } from "./runtime/language-model.ts";
import { loadGiven, type ModelSource } from "./runtime/load/load-given.ts";
import { embeddedKernels } from "./wasm/embedded.ts";

export * from "./portable.ts";
export { createMachine } from "./wasm/embedded.ts";

/** Opens a model from given files or from a server: `await using model = await loadModel(files)`. */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
  return loadGiven(source, embeddedKernels(), options);
}
