/** Opens the MODEL argument of a command with the common options. */
import { modelFolder } from "../../adapter/models/model-folder.ts";
import { UnsupportedError } from "../../base/errors.ts";
import { type ModelShapes, shapesOfConfig, shapesOfFiles } from "../../compress/recipe/model-shapes.ts";
import type { FolderSource } from "../../files/source.ts";
import { closing, Model, type ModelFiles, readModelFiles, readModelShapes } from "../../model/model.ts";
import { hasWeights } from "../../model/model-source.ts";
import { checkContext } from "../../model/pass/check-session.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { createMachine } from "../../wasm/embedded.ts";
import type { Machine } from "../../wasm/machine.ts";
import type { ActivationsOption, CommonOptions } from "../options/common-options.ts";
import type { CommandSession } from "../session/command-session.ts";

/** The folder that MODEL names. @throws UnsupportedError for the kinds of MODEL that are not folders. */
export function openFolder(path: string, session?: Opener): Promise<FolderSource> {
  return modelFolder(path, { signal: session?.signal, onWarning: session?.note });
}

/** What ends the reading of a MODEL on a server, and what tells of its warnings. */
type Opener = Pick<CommandSession, "signal" | "note">;

/** Names and shapes of MODEL, from its headers, or from config.json if it has no weights. */
export async function openShapes(
  session: CommandSession,
  path: string,
): Promise<AsyncDisposable & { readonly shapes: ModelShapes; readonly files?: ModelFiles }> {
  const folder = await openFolder(path, session);
  if (!(await hasWeights(folder))) {
    const { family, config } = await readModelShapes(folder);
    return { shapes: shapesOfConfig(folder.name, family, config), [Symbol.asyncDispose]: async () => {} };
  }
  const files = await readModelFiles(folder);
  return { shapes: shapesOfFiles(files), files, [Symbol.asyncDispose]: () => files.index.close() };
}

export interface OpenedWith {
  readonly activations?: ActivationsOption;
  /** Most memory of the engine. */
  readonly memory?: string;
  readonly paging?: "experts" | "all";
}

/** MODEL with its headers read, but not its weights: wrong options are reported before minutes of loading. */
export interface OpenedFiles extends AsyncDisposable {
  readonly files: ModelFiles;
  readonly config: ModelFiles["config"];
  /** The tokenizer, read at the first call. @throws FileError if there is none. */
  tokenizer(): Promise<Tokenizer>;
  /** Loads the weights, once; progress and warnings go to the terminal. */
  load(): Promise<Model>;
}

/** Opens MODEL; disposing it disposes what was loaded. @throws UsageError for a `--context` that the model does not have. */
export async function openFiles(session: CommandSession, path: string, wish: OpenedWith = {}): Promise<OpenedFiles> {
  const { options } = session;
  checkKernels(options);
  const files = await readModelFiles(await openFolder(path, session));
  let model: Promise<Model> | undefined;
  const opened: OpenedFiles = {
    files,
    config: files.config,
    tokenizer: () => files.text.tokenizer.require(),
    load: () => (model ??= loadModel(session, files, wish)),
    async [Symbol.asyncDispose]() {
      if (model === undefined) await files.index.close();
      else await (await model.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
  await closing(files, async () => {
    if (options.context !== undefined) checkContext(options.context, files.config.maxPositions);
  });
  return opened;
}

/** Opens and loads MODEL at once. The caller disposes it. */
export async function openModel(session: CommandSession, path: string, wish: OpenedWith = {}): Promise<Model> {
  return (await openFiles(session, path, wish)).load();
}

async function loadModel(session: CommandSession, files: ModelFiles, wish: OpenedWith): Promise<Model> {
  const { options, signal, report, note } = session;
  const activations = wish.activations ?? options.activations;
  const { activationGroup, cache } = options;
  const { memory, paging } = wish;
  const run = { activations, activationGroup, cache, memory, paging, signal, onProgress: report, onWarning: note };
  return Model.open(files, await closing(files, () => openMachine(session)), run);
}

/** An engine with the kernels and threads that the options ask for. */
export async function openMachine({ options, note }: CommandSession): Promise<Machine> {
  return createMachine({ kernels: checkKernels(options), threads: options.threads, onWarning: note });
}

/** @throws UnsupportedError for the build that only tests use. */
export function checkKernels({ kernels }: CommonOptions): "auto" | "base" | "relaxed" {
  if (kernels !== "reference") return kernels;
  const builds = ["auto", "base", "relaxed"];
  throw new UnsupportedError("--kernels", "reference (the scalar twins are for tests only)", builds);
}
