/** What a worker is told when it begins to serve. */
import type { LanguageModel, LoadOptions } from "../../runtime/language-model.ts";
import type { ModelSource } from "../../runtime/load/load-given.ts";
import type { StorePlace } from "../store/store-place.ts";

/** How the worker opens and stores models. */
export interface ServeOptions {
  /** Opens models, such as `loadModel` of `quern`, which opens paths where there are any. Default: with embedded kernels, without paths. */
  readonly loadModel?: (source: ModelSource, options: LoadOptions) => Promise<LanguageModel>;
  /** Where models are stored. Default: the browser's private file system, or its cache storage. */
  readonly storage?: StorePlace;
}
