/** Loads a model from given files or from a server, with given kernels. */
import { type GivenModel, givenFolder } from "../../files/given/given-folder.ts";
import { isRemoteName, namedFolder, type RemoteName } from "../../files/hub/named-folder.ts";
import type { KernelModules } from "../../wasm/machine.ts";
import { LanguageModel, type LoadOptions } from "../language-model.ts";

/**
 * A model: the files of its folder by name, as a list, as a directory handle or as an object that opens them; or one GGUF file; or the
 * URL of either, or `hf:OWNER/NAME` on the hub.
 */
export type ModelSource = GivenModel | PromiseLike<GivenModel> | RemoteName;

/** Opens a model. */
export async function loadGiven(
  source: ModelSource,
  kernels: KernelModules,
  options: LoadOptions,
): Promise<LanguageModel> {
  const given = await source;
  const folder = isRemoteName(given) ? await namedFolder(given, options) : givenFolder(given);
  return LanguageModel.load(folder, kernels, options);
}
