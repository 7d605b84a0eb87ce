/** Exports `quern` for Node, Deno and Bun, where models can be opened by path. */
import { modelFolder } from "./adapter/models/model-folder.ts";
import type { LanguageModel, LoadOptions } from "./runtime/language-model.ts";
import { loadModel as loadFiles, type ModelSource } from "./web.ts";

export * from "./web.ts";

/** Opens a model by path, by URL, by its name on the hub, or from given files: `await using model = await loadModel("models/fable-mixtral")`. */
export async function loadModel(source: string | URL | ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
  const isNamed = typeof source === "string" || source instanceof URL;
  return loadFiles(isNamed ? await modelFolder(source, options) : source, options);
}
