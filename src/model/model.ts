/** Opens a folder in Hugging Face layout and holds the model in the engine's memory. */
import type { JsonObject } from "../base/json.ts";
import { Turns } from "../base/turns.ts";
import type { FolderSource } from "../files/source.ts";
import { prepareSources } from "../format/prepare-sources.ts";
import type { CacheType } from "../nn/attention.ts";
import type { Activations } from "../nn/emit.ts";
import type { ChatTemplate } from "../text/chat/chat-template.ts";
import type { Tokenizer } from "../text/tokenizer.ts";
import type { Machine } from "../wasm/machine.ts";
import { checkActivations, chooseActivations } from "./choose-activations.ts";
import type { Family } from "./config/family.ts";
import type { ModelConfig } from "./config/model-config.ts";
import type { ModuleNames, Spelling } from "./config/module-names.ts";
import { modelParts, readShapes, type ShapeParts } from "./model-source.ts";
import { Session, type SessionOptions } from "./pass/session.ts";
import { checkCache } from "./pass/state/mixer-widths.ts";
import type { TemplateChoice, TextParts } from "./text/text-parts.ts";
import { untiedFiles, untiedWeights } from "./untied.ts";
import { chooseStore } from "./weights/choose-store.ts";
import { headShape } from "./weights/linears.ts";
import { loadWeights } from "./weights/load-weights.ts";
import { detectSpelling, isHeadTied, locateAll, type StoredLinear, type StoredTensors } from "./weights/locate.ts";
import type { Paging, PagingFacts } from "./weights/paged/paging-facts.ts";
import type { Weights } from "./weights/weight-tree.ts";

/** Progress of a long call: `done` of `total` units of a phase. */
export interface Progress {
  readonly phase: string;
  readonly done: number;
  readonly total: number;
  readonly unit: string;
  readonly detail?: string;
}

/** A model folder whose configuration and headers are read, but no weights. */
export interface ModelFiles extends StoredTensors {
  readonly folder: FolderSource;
  readonly name: string;
  /** The content of config.json. */
  readonly json: JsonObject;
  readonly family: Family;
  readonly config: ModelConfig;
  readonly text: TextParts;
  readonly spelling: Spelling;
  /** The names of modules in that spelling. */
  readonly names: ModuleNames;
  /** All linears, in the order of the forward pass. */
  readonly linears: readonly StoredLinear[];
}

/**
 * Options for loading weights: arithmetic of the linears, columns of their inputs that share a scale, number format of keys and values in
 * sessions (`f16` takes half of the memory; default f32), most memory that the engine may take (bytes, or text such as `2GB`: weights that do not
 * fit are then read when they are needed; results do not depend on it), which weights are read then (`experts`, which is the default where all
 * others fit, or `all`, for `quantize` and other jobs that go through the model block by block), over how many WebAssembly memories of at most
 * 4 GiB the weights are spread (default: as few as hold them with room for sessions), and callbacks.
 */
export interface OpenOptions {
  readonly activations?: "f32" | "int16" | "int8";
  readonly activationGroup?: 32 | 64 | "weight";
  readonly cache?: CacheType;
  readonly memory?: number | string;
  readonly paging?: Paging;
  readonly memories?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  readonly onWarning?: (sentence: string) => void;
}

/** The family and the configuration of a folder, which may hold only `config.json`. */
export async function readModelShapes(folder: FolderSource): Promise<ShapeParts> {
  const parts = await modelParts(folder);
  const shapes = await readShapes(parts);
  await parts.close();
  return shapes;
}

/** Reads config, settings and headers. @throws FileError, FormatError, ShapeError or UnsupportedError, naming file and field. */
export async function readModelFiles(folder: FolderSource): Promise<ModelFiles> {
  const parts = await modelParts(folder);
  const { config: source, text, openTensors } = parts;
  const { json, family, config: written } = await readShapes(parts);
  const checkpoint = await openTensors();
  try {
    const spelling = detectSpelling(checkpoint, family, written);
    const names = family.names[spelling];
    const config = { ...written, tiedEmbeddings: isHeadTied(checkpoint, names, written, source.where) };
    const linears = locateAll(checkpoint, names, config);
    const { name } = parts.folder;
    return { ...checkpoint, folder: parts.folder, name, json, family, config, text, spelling, names, linears };
  } catch (error) {
    await checkpoint.index.close();
    throw error;
  }
}

/** Runs work that comes before the model is opened. If it fails, the files are closed. */
export async function closing<T>(files: ModelFiles, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await files.index.close();
    throw error;
  }
}

/** The parts of a model. */
export interface ModelParts {
  readonly files: ModelFiles;
  readonly machine: Machine;
  readonly weights: Weights;
  readonly activations: Activations;
  readonly cache: CacheType;
}

/** A model whose weights are in an engine's memory, ready to run. Dispose it to free them. */
export class Model implements AsyncDisposable {
  readonly files: ModelFiles;
  readonly machine: Machine;
  readonly weights: Weights;
  readonly activations: Activations;
  /** Number format of keys and values in sessions. */
  readonly cache: CacheType;
  /** False for a view: memory and files belong to the model from which it was made. */
  readonly #owner: boolean;

  /** Loads the weights into `machine`, which the model owns from then on. */
  static async open(files: ModelFiles, machine: Machine, options: OpenOptions = {}): Promise<Model> {
    return new Model(await Model.loadParts(files, machine, options));
  }

  /** Loads the parts of a model. On any failure the memory is freed and the files are closed. */
  protected static async loadParts(files: ModelFiles, machine: Machine, options: OpenOptions): Promise<ModelParts> {
    const warnings = new Map<string, number>();
    const warn = (sentence: string) => void warnings.set(sentence, (warnings.get(sentence) ?? 0) + 1);
    const run = {
      turns: new Turns(options.signal),
      onBytes: (done: number, total: number) => options.onProgress?.({ phase: "load", done, total, unit: "bytes" }),
    };
    try {
      const activations = chooseActivations(files.linears, options);
      const cache = checkCache(options.cache);
      await prepareSources(files.index, {
        signal: options.signal,
        onBytes: (done, total) => options.onProgress?.({ phase: "download", done, total, unit: "bytes" }),
      });
      const { linears, config } = files;
      const { memory, paging, memories } = options;
      const wish = { linears, topK: config.topK, memory, paging, memories, warn };
      const store = await chooseStore(machine, wish);
      const weights = await loadWeights(machine, store, files, run);
      for (const [sentence, count] of warnings) options.onWarning?.(`${files.name}: ${sentence} (${count} modules)`);
      return { files, machine, weights, activations, cache };
    } catch (error) {
      await machine[Symbol.asyncDispose]();
      await files.index.close();
      throw error;
    }
  }

  protected constructor(parts: ModelParts, owner = true) {
    this.files = parts.files;
    this.machine = parts.machine;
    this.weights = parts.weights;
    this.activations = parts.activations;
    this.cache = parts.cache;
    this.#owner = owner;
  }

  /**
   * A view of this model with other activations, such as those of a study. It is valid as long as this model is, and disposing it frees
   * nothing. @throws UsageError for unknown activations.
   */
  withActivations(activations: Activations): Model {
    return new Model(this.partsWith(activations), false);
  }

  protected partsWith(activations: Activations): ModelParts {
    return {
      files: this.files,
      machine: this.machine,
      weights: this.weights,
      cache: this.cache,
      activations: checkActivations(activations),
    };
  }

  /** A view of this model with other weights, such as an overlay. It is valid as long as this model is, and disposing it frees nothing. */
  withWeights(weights: Weights): Model {
    return new Model({ ...this.partsWith(this.activations), weights }, false);
  }

  /** A view of this model whose head has its own name, so that a job can give it other weights than the embedding's. */
  untied(): Model {
    const files = untiedFiles(this.files);
    if (files === this.files) return this;
    const weights = untiedWeights(this.weights, headShape(files.names, files.config));
    return new Model({ ...this.partsWith(this.activations), files, weights }, false);
  }

  get config(): ModelConfig {
    return this.files.config;
  }

  /** What reading weights when they are needed has done so far; undefined if all weights are in memory. */
  get paging(): PagingFacts | undefined {
    return this.weights.store.paging;
  }

  /** Allocates run buffers and a cache; the caller disposes the session. @throws MemoryError if they do not fit. */
  session(options: SessionOptions = {}): Session {
    return new Session(this, options);
  }

  /** Runs a job at the same time as the model's other jobs. It ends when the signal is aborted or the model is disposed. */
  job<T>(signal: AbortSignal | undefined, work: (turns: Turns) => Promise<T>): Promise<T> {
    return this.machine.jobs.run(new Turns(signal), work);
  }

  /** The model's tokenizer, read at the first call. @throws FileError if there is none. */
  tokenizer(): Promise<Tokenizer> {
    return this.files.text.tokenizer.require();
  }

  /** The model's tokenizer, or undefined for a model without one. */
  tokenizerIfAny(): Promise<Tokenizer | undefined> {
    return this.files.text.tokenizer.read();
  }

  /**
   * The model's chat template: `(await model.chatTemplate()).render(messages, variables)` gives the prompt. A choice takes another of its
   * templates by name, or a text. @throws FileError for a model without one; UsageError for a name that it does not have.
   */
  chatTemplate(choice?: TemplateChoice): Promise<ChatTemplate> {
    return this.files.text.chat.template(choice);
  }

  /** Ends all jobs of the model, waits until they have stopped, then frees memory and files. Do not await it inside a job. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#owner) return;
    await this.machine[Symbol.asyncDispose]();
    await this.files.index.close();
  }
}
