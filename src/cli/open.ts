/** Opens the MODEL argument of a command with the common options. */
import { modelFolder } from "../adapter/model-folder.ts";
import { type ModelShapes, shapesOfConfig, shapesOfFiles } from "../compress/shapes.ts";
import { UnsupportedError } from "../errors.ts";
import type { FolderSource } from "../format/source.ts";
import { closing, Model, type ModelFiles, readModelFiles, readModelShapes } from "../model/model.ts";
import { createMachine } from "../wasm/embedded.ts";
import type { Machine } from "../wasm/machine.ts";
import type { ActivationsOption, CommonOptions } from "./options.ts";
import type { Session } from "./session.ts";

/** The folder that MODEL names. @throws UnsupportedError for the kinds of MODEL that are not folders. */
export function openFolder(path: string): Promise<FolderSource> {
  return modelFolder(path);
}

/** Whether there is more in the folder than a configuration. */
export async function hasWeights(folder: FolderSource): Promise<boolean> {
  return (await folder.list()).some((file) => /\.safetensors(\.index\.json)?$/.test(file));
}

/** Names and shapes of MODEL: of its headers, or of config.json where that is all there is. */
export async function openShapes(
  path: string,
): Promise<AsyncDisposable & { readonly shapes: ModelShapes; readonly files?: ModelFiles }> {
  const folder = await openFolder(path);
  if (!(await hasWeights(folder))) {
    const { family, config } = await readModelShapes(folder);
    return { shapes: shapesOfConfig(folder.name, family, config), [Symbol.asyncDispose]: async () => {} };
  }
  const files = await readModelFiles(folder);
  return { shapes: shapesOfFiles(files), files, [Symbol.asyncDispose]: () => files.index.close() };
}

export interface OpenedWith {
  readonly activations?: ActivationsOption;
}

/** Loads MODEL; progress and warnings go to the terminal. The caller disposes it. */
export async function openModel(session: Session, path: string, wish: OpenedWith = {}): Promise<Model> {
  const { options, signal, report, note } = session;
  const files = await readModelFiles(await openFolder(path));
  const machine = await closing(files, () => openMachine(options));
  return Model.open(files, machine, {
    activations: wish.activations ?? options.activations,
    activationGroup: options.activationGroup,
    signal,
    onProgress: report,
    onWarning: note,
  });
}

/** An engine with the kernels and threads that the options ask for. */
export async function openMachine(options: CommonOptions): Promise<Machine> {
  const { kernels, threads } = options;
  if (kernels === "reference")
    throw new UnsupportedError("--kernels", "reference (the scalar twins serve the tests only)", [
      "auto",
      "base",
      "relaxed",
    ]);
  return createMachine({ kernels, threads });
}
