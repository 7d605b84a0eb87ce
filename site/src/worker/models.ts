/** The models of the page: the one that is open, and the one that was ground from it. */
import { inspectModel } from "../../../src/model/inspect.ts";
import type { LanguageModel } from "../../../src/runtime/language-model.ts";
import { loadModel, type ModelSource } from "../../../src/web.ts";
import type { ModelWish, OpenModel, Step, StoredModel, Which } from "../engine/wishes.ts";
import { fetchModel } from "./fetch-model.ts";
import * as store from "./store.ts";

interface Running {
  readonly signal: AbortSignal;
  readonly tell: (step: Step) => void;
}

export class Models {
  #open: LanguageModel | undefined;
  #ground: LanguageModel | undefined;
  #openFiles: ReadonlyMap<string, Blob> | undefined;
  #groundFiles: ReadonlyMap<string, Blob> = new Map();
  #name = "";
  #source: ModelSource | undefined;

  /** Opens another model. The one that was open is given up only when the new one is there. */
  async open(wish: ModelWish, run: Running): Promise<OpenModel> {
    const files = await this.#filesOf(wish, run);
    const source: ModelSource =
      files ??
      (wish.kind === "url" ? (wish.url as `https://${string}`) : (wish as { readonly files: readonly File[] }).files);
    const model = await loadModel(source, { signal: run.signal, onProgress: run.tell });
    await this.#ground?.[Symbol.asyncDispose]();
    await this.#open?.[Symbol.asyncDispose]();
    [this.#open, this.#ground, this.#openFiles, this.#name] = [model, undefined, files, nameOf(wish)];
    this.#source = source;
    return describe(model, this.#name);
  }

  /** The name of the open model. */
  get name(): string {
    return this.#name;
  }

  take(which: Which): LanguageModel {
    const model = which === "open" ? this.#open : this.#ground;
    if (model === undefined) throw new Error(which === "open" ? "no model is open" : "no model was ground yet");
    return model;
  }

  /** Replaces the model that was ground. */
  async setGround(files: ReadonlyMap<string, Uint8Array>, signal: AbortSignal): Promise<LanguageModel> {
    const blobs = new Map([...files].map(([name, bytes]) => [name, new Blob([bytes as Uint8Array<ArrayBuffer>])]));
    const model = await loadModel(blobs, { signal });
    await this.#ground?.[Symbol.asyncDispose]();
    [this.#ground, this.#groundFiles] = [model, blobs];
    return model;
  }

  /** The open model once more, for a job that closes it. */
  reopen(signal: AbortSignal): Promise<LanguageModel> {
    if (this.#source === undefined) throw new Error("no model is open");
    return loadModel(this.#source, { signal });
  }

  groundFiles(): readonly { readonly name: string; readonly blob: Blob }[] {
    return [...this.#groundFiles].map(([name, blob]) => ({ name, blob }));
  }

  async keep(which: Which, { tell }: Running): Promise<StoredModel> {
    const files = which === "open" ? this.#openFiles : this.#groundFiles;
    if (files === undefined || files.size === 0)
      throw new Error("this model is read where it lies, and cannot be kept by the browser");
    const name =
      which === "open"
        ? this.#name
        : `${this.#name}, ${inspectModel(this.take("ground").files).averageBits.toFixed(2)} bits`;
    return store.keep(name, files, (done) => tell({ phase: "store", done, total: files.size, unit: "files" }));
  }

  /** The files of models that are read as a whole; undefined for those that are read where they lie. */
  async #filesOf(wish: ModelWish, run: Running): Promise<ReadonlyMap<string, Blob> | undefined> {
    if (wish.kind === "here") return fetchModel(new URL(`models/${wish.name}/`, location.href), run);
    if (wish.kind === "stored") return store.read(wish.name);
    return wish.kind === "files" ? filesByName(wish.files) : undefined;
  }
}

/** Files of one folder by name; undefined for a single file, which the library takes as it is. */
function filesByName(files: readonly File[]): ReadonlyMap<string, Blob> | undefined {
  return files.length < 2 ? undefined : new Map(files.map((file) => [file.name, file]));
}

function nameOf(wish: ModelWish): string {
  if (wish.kind !== "url") return wish.name;
  return wish.url.replace(/\/+$/, "").split("/").at(-1) ?? wish.url;
}

function describe(model: LanguageModel, name: string): OpenModel {
  const { modules: _, ...facts } = inspectModel(model.files);
  const { kernels, threads, activations } = model.engine;
  const { modelType, layers, experts, topK, context, parameters, activeParameters, averageBits, trueBytes } = facts;
  return {
    name,
    modelType,
    layers,
    experts,
    topK,
    context,
    parameters,
    activeParameters,
    averageBits,
    trueBytes,
    kernels,
    threads,
    activations,
  };
}
