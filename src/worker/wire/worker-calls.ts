/** The calls that a page makes of an engine in a worker, and the messages that carry them: plain data that structured clone copies. */
import type { BenchReport } from "../../bench/report/bench-report.ts";
import type { BenchOptions } from "../../bench/run/bench-model.ts";
import type { Quantized } from "../../compress/result/quantized.ts";
import type { QuantizeOptions } from "../../compress/run/make-quantized.ts";
import type { SelfSampleOptions } from "../../compress/windows/calibration-text.ts";
import type { CompareOptions, ReferenceComparison } from "../../eval/compare/compare.ts";
import type { DirectoryHandle } from "../../files/given/directory-folder.ts";
import type { ModelFacts } from "../../model/inspect.ts";
import type { Progress } from "../../model/model.ts";
import type { Generated } from "../../runtime/generate.ts";
import type { GenerateOptions } from "../../runtime/generate-options.ts";
import type { EngineInfo, LoadOptions } from "../../runtime/language-model.ts";
import type { Prompt } from "../../runtime/prompt-ids.ts";
import type { PlainError } from "./plain-error.ts";

/** What stays on each side of the border: functions and signals. */
type Callbacks = "signal" | "onProgress" | "onWarning";

type ClonedFile = Blob | ArrayBuffer | Uint8Array;

/**
 * A model to load: files of a picker or a drop, files by name, one GGUF file, a directory handle, a URL or `hf:` name, the name of a stored
 * model; a path where the worker's `loadModel` opens paths.
 */
export type WorkerSource =
  | string
  | { readonly stored: string }
  | ArrayLike<File>
  | ClonedFile
  | DirectoryHandle
  | Readonly<Record<string, ClonedFile>>
  | ReadonlyMap<string, ClonedFile>;

/** Options of loading. `storeAs` keeps the model's files in the browser's storage under this name, and goes on with a download that was cut. */
export interface WorkerLoadOptions extends Omit<LoadOptions, Callbacks> {
  readonly storeAs?: string;
}

/** Options of generating. With `routes`, each token says which experts took it. */
export interface WorkerGenerateOptions extends Omit<GenerateOptions, Callbacks | "chatTemplate"> {
  readonly routes?: boolean;
}

/** Options of quantising in memory. */
export type WorkerQuantizeOptions = Omit<QuantizeOptions, Callbacks | "output" | "work" | "resume">;

/** What to compare on: ids, windows, or text that the reference writes itself (the default: 8 texts of 256 tokens). */
export interface WorkerCompareOptions extends Omit<CompareOptions, Callbacks | "saveTo"> {
  readonly self?: Pick<SelfSampleOptions, "samples" | "length" | "seed" | "temperature">;
}

/** The experts that one token was sent to in one layer, the heaviest first, with their weights. */
export interface TokenRoute {
  readonly layer: number;
  readonly experts: readonly number[];
  readonly weights: readonly number[];
}

/** A generated token. The last piece may have text only. A token that ends the text goes through no expert. */
export interface RoutedPiece {
  readonly id: number | undefined;
  readonly text: string;
  /** Empty without the option `routes`. */
  readonly routes: readonly TokenRoute[];
}

/** A model of the worker: its number there, sizes, bits and bytes of every linear, and the engine that runs it. */
export interface OpenedModel {
  readonly model: number;
  readonly facts: ModelFacts;
  readonly engine: EngineInfo;
  /** Of a quantised model: the experts that too few calibration tokens reached. */
  readonly starved: Quantized["starved"];
}

/** A file of a model. */
export interface FileFacts {
  readonly name: string;
  readonly bytes: number;
}

/** A model in the browser's storage. One that is not whole is a download that was cut: loading it with `storeAs` goes on with it. */
export interface StoredModel extends FileFacts {
  readonly whole: boolean;
}

/** What this runtime offers. `lacks` says in sentences what is missing, and what still works. */
export interface WorkerFacts {
  readonly simd: boolean;
  readonly sharedMemory: boolean;
  /** Threads that a model gets unless its options say otherwise. */
  readonly threads: number;
  readonly storage: "opfs" | "cache" | "none";
  /** Bytes that the browser's storage has in use and allows, where it tells them. */
  readonly usage: number | undefined;
  readonly quota: number | undefined;
  readonly lacks: readonly string[];
}

/** What a call tells on its way. */
export type WorkerEvent =
  | { readonly progress: Progress }
  | { readonly warning: string }
  | { readonly pieces: readonly RoutedPiece[] };

interface OfModel {
  readonly model: number;
}

/** Arguments and result of each call. */
export interface WorkerCalls {
  readonly facts: { readonly args: undefined; readonly result: WorkerFacts };
  readonly load: {
    readonly args: { readonly source: WorkerSource; readonly options: WorkerLoadOptions };
    readonly result: OpenedModel;
  };
  readonly generate: {
    readonly args: OfModel & { readonly prompt: Prompt; readonly options: WorkerGenerateOptions };
    readonly result: Generated;
  };
  readonly encode: { readonly args: OfModel & { readonly text: string }; readonly result: readonly number[] };
  readonly decode: { readonly args: OfModel & { readonly ids: readonly number[] }; readonly result: string };
  readonly quantize: {
    readonly args: OfModel & { readonly options: WorkerQuantizeOptions };
    readonly result: OpenedModel;
  };
  readonly compare: {
    readonly args: OfModel & { readonly reference: number; readonly options: WorkerCompareOptions };
    readonly result: ReferenceComparison;
  };
  readonly bench: {
    readonly args: OfModel & { readonly options: Omit<BenchOptions, Callbacks> };
    readonly result: BenchReport;
  };
  readonly files: { readonly args: OfModel; readonly result: readonly FileFacts[] };
  readonly file: { readonly args: OfModel & { readonly name: string }; readonly result: Uint8Array<ArrayBuffer> };
  readonly dispose: { readonly args: OfModel; readonly result: undefined };
  readonly store: { readonly args: OfModel & { readonly name: string }; readonly result: StoredModel };
  readonly stored: { readonly args: undefined; readonly result: readonly StoredModel[] };
  readonly discard: { readonly args: string; readonly result: undefined };
}

export type WorkerCallName = keyof WorkerCalls;

/** To the worker: a call, or that the call of this number is to end. */
export type WorkerRequest =
  | { readonly id: number; readonly call: WorkerCallName; readonly args: unknown }
  | { readonly id: number; readonly abort: true };

/** From the worker: something on the way, the result, or the error. */
export type WorkerAnswer = { readonly id: number } & (
  | { readonly event: WorkerEvent }
  | { readonly result: unknown }
  | { readonly error: PlainError }
);
