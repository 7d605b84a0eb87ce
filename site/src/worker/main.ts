/** The page's worker: everything that takes time runs here, so that the page stays free. */
import type { LanguageModel, LoadOptions } from "../../../src/runtime/language-model.ts";
import { loadModel, type ModelSource } from "../../../src/web.ts";
import { serve } from "../../../src/worker.ts";
import { fetchModel } from "./fetch-model.ts";

/** The folder that was fetched last, which benchmarks open again. */
let fetched: { readonly folder: string; readonly files: ReadonlyMap<string, Blob> } | undefined;

/** Folders beside the page are fetched whole, so that the browser's cache has them at the next visit. */
async function filesOf(folder: string, { signal, onProgress }: LoadOptions): Promise<ReadonlyMap<string, Blob>> {
  if (fetched?.folder !== folder) {
    fetched = undefined;
    const files = await fetchModel(new URL(folder, location.href), { signal, tell: onProgress });
    fetched = { folder, files };
  }
  return fetched.files;
}

async function load(source: ModelSource, options: LoadOptions): Promise<LanguageModel> {
  const isHere = typeof source === "string" && /^models\//.test(source);
  return loadModel(isHere ? await filesOf(source, options) : source, options);
}

serve(undefined, { loadModel: load });
