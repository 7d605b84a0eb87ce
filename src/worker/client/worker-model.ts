/** A model that a worker holds. */
import type { BenchReport } from "../../bench/report/bench-report.ts";
import type { BenchOptions } from "../../bench/run/bench-model.ts";
import type { ReferenceComparison } from "../../eval/compare/compare.ts";
import type { ModelFacts } from "../../model/inspect.ts";
import type { Generated } from "../../runtime/generate.ts";
import type { EngineInfo } from "../../runtime/language-model.ts";
import type { Prompt } from "../../runtime/prompt-ids.ts";
import type {
  FileFacts,
  OpenedModel,
  RoutedPiece,
  StoredModel,
  WorkerCompareOptions,
  WorkerGenerateOptions,
  WorkerQuantizeOptions,
} from "../wire/worker-calls.ts";
import { streamed } from "./piece-stream.ts";
import type { CallOptions, RemoteCalls } from "./remote-calls.ts";

/** Parts what the worker gets from what stays here. */
export function parted<Options extends CallOptions>(
  options: Options,
): { readonly sent: Omit<Options, keyof CallOptions>; readonly heard: CallOptions } {
  const { signal, onProgress, onWarning, ...sent } = options;
  return { sent, heard: { signal, onProgress, onWarning } };
}

let created: (calls: RemoteCalls, opened: OpenedModel) => WorkerModel;

/** A model in a worker: generates, quantises, compares, measures. Dispose it to free its memory there. */
export class WorkerModel implements AsyncDisposable {
  readonly #calls: RemoteCalls;
  readonly #model: number;
  /** Sizes, average bits, true bytes, and bits and bytes of every linear. */
  readonly facts: ModelFacts;
  readonly engine: EngineInfo;
  /** Of a quantised model: the experts that too few calibration tokens reached. */
  readonly starved: OpenedModel["starved"];

  static {
    created = (calls, opened) => new WorkerModel(calls, opened);
  }

  private constructor(calls: RemoteCalls, { model, facts, engine, starved }: OpenedModel) {
    this.#calls = calls;
    this.#model = model;
    this.facts = facts;
    this.engine = engine;
    this.starved = starved;
  }

  /** Generates text, piece by piece, the same as in the library. Leaving the loop ends it. The return value is the whole text with its timings. */
  generate(prompt: Prompt, options: WorkerGenerateOptions & CallOptions = {}): AsyncGenerator<RoutedPiece, Generated> {
    const { sent, heard } = parted(options);
    const args = { model: this.#model, prompt, options: sent };
    return streamed(
      (onPieces, signal) => this.#calls.call("generate", args, { ...heard, signal, onPieces }),
      heard.signal,
    );
  }

  encode(text: string): Promise<readonly number[]> {
    return this.#calls.call("encode", { model: this.#model, text });
  }

  decode(ids: readonly number[]): Promise<string> {
    return this.#calls.call("decode", { model: this.#model, ids });
  }

  /** Quantises this model, which stays as it is. The result is a second model, whose files are in the worker's memory. */
  async quantize(options: WorkerQuantizeOptions & CallOptions = {}): Promise<WorkerModel> {
    const { sent, heard } = parted(options);
    return created(this.#calls, await this.#calls.call("quantize", { model: this.#model, options: sent }, heard));
  }

  /** Compares this model with a reference in the same worker, usually its float original: KL, same top token, routing. */
  compare(reference: WorkerModel, options: WorkerCompareOptions & CallOptions = {}): Promise<ReferenceComparison> {
    const { sent, heard } = parted(options);
    return this.#calls.call("compare", { model: this.#model, reference: reference.#model, options: sent }, heard);
  }

  /** Measures a second copy of this model with `quern/bench`. Nothing else runs meanwhile. */
  bench(options: BenchOptions & CallOptions = {}): Promise<BenchReport> {
    const { sent, heard } = parted(options);
    return this.#calls.call("bench", { model: this.#model, options: sent }, heard);
  }

  files(): Promise<readonly FileFacts[]> {
    return this.#calls.call("files", { model: this.#model });
  }

  /** A file of the model, to download. */
  async file(name: string): Promise<Blob> {
    return new Blob([await this.#calls.call("file", { model: this.#model, name })]);
  }

  /** Keeps the model's files in the browser's storage. @throws StorageError if there is no room or no storage. */
  store(name: string, options: CallOptions = {}): Promise<StoredModel> {
    return this.#calls.call("store", { model: this.#model, name }, options);
  }

  /** Frees the model when the calls before this one have ended. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls.call("dispose", { model: this.#model });
  }
}

/** Only the engine makes models: their constructor is private, so that the types of the package need not describe its calls. */
export function openedModel(calls: RemoteCalls, opened: OpenedModel): WorkerModel {
  return created(calls, opened);
}
