/** Loads a model from given files or from a server, with given kernels. */
import { type GivenModel, givenFolder } from "../../files/given/given-folder.ts";
import { isRemoteName, namedFolder, type RemoteName } from "../../files/hub/named-folder.ts";
import type { FolderSource } from "../../files/source.ts";
import type { KernelModules } from "../../wasm/machine.ts";
import { LanguageModel, type LoadOptions } from "../language-model.ts";

/**
 * A model: the files of its folder by name, as a list, as a directory handle or as an object that opens them; or one GGUF file; or the
 * URL of either, or `hf:OWNER/NAME` on the hub.
 */
export type ModelSource = GivenModel | PromiseLike<GivenModel> | RemoteName;

/** Opens a model. Kernels may still be on their way while its files are found. */
export async function loadGiven(
  source: ModelSource,
  kernels: KernelModules | Promise<KernelModules>,
  options: LoadOptions,
): Promise<LanguageModel> {
  const [folder, modules] = await Promise.all([openFolder(source, options), kernels]);
  return LanguageModel.load(folder, modules, options);
}

async function openFolder(source: ModelSource, options: LoadOptions): Promise<FolderSource> {
  const given = await source;
  return isRemoteName(given) ? namedFolder(given, options) : givenFolder(given);
}
