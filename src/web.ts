/** The library for browsers and other places without a file system: everything of `quern` but paths. */
import { givenFolder } from "./format/given-folder.ts";
import type { ByteSource, FolderSource } from "./format/source.ts";
import { LanguageModel, type LoadOptions } from "./runtime/language-model.ts";
import { embeddedKernels } from "./wasm/embedded.ts";

export * from "./errors.ts";
export { type ByteSource, blobSource, bytesSource, type FolderSource, filesFolder } from "./format/source.ts";
export type { ModelConfig } from "./model/config.ts";
export type { Progress } from "./model/model.ts";
export type { Generated, GenerateOptions, Piece, Prompt } from "./runtime/generate.ts";
export { type EngineInfo, LanguageModel, type LoadOptions } from "./runtime/language-model.ts";
export { VERSION } from "./version.ts";
export { createMachine } from "./wasm/embedded.ts";
export { Turns } from "./wasm/turns.ts";

/** A model folder: by file name, or as something that opens files. */
export type ModelSource = FolderSource | Readonly<Record<string, ByteSource | Uint8Array | Blob>>;

/** Opens a model: `await using model = await loadModel(files)`. */
export async function loadModel(source: ModelSource, options: LoadOptions = {}): Promise<LanguageModel> {
  return LanguageModel.load(givenFolder(source), embeddedKernels(), options);
}
