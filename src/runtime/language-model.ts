/** The object that `loadModel` returns: a model with generation, logits, and facts about the engine. */

import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import { VERSION } from "../base/version.ts";
import type { OpeningRun } from "../files/hub/named-folder.ts";
import type { FolderSource } from "../files/source.ts";
import { closing, Model, type OpenOptions, readModelFiles } from "../model/model.ts";
import type { Activations } from "../nn/emit.ts";
import type { ChatMessage } from "../text/chat/chat-template.ts";
import type { DotForm } from "../wasm/dot-form.ts";
import { type KernelModules, Machine, type MachineOptions } from "../wasm/machine.ts";
import { type ChatAnswer, chat } from "./chat/chat-answer.ts";
import { Conversation, type ConversationOptions } from "./chat/conversation.ts";
import { type Generated, generate, type Piece } from "./generate.ts";
import type { GenerateOptions } from "./generate-options.ts";
import { computeLogits, type Logits, type LogitsOptions } from "./logits.ts";
import type { Prompt } from "./prompt-ids.ts";

/** Options for opening a model, for the server that it may come from, and for the engine that runs it. */
export type LoadOptions = OpenOptions & MachineOptions & Pick<OpeningRun, "remote">;

const KNOWN: KnownOptions<LoadOptions> = {
  ...{ activations: true, activationGroup: true, signal: true, onProgress: true, onWarning: true, dots: true },
  ...{ cache: true, memory: true, paging: true, memories: true },
  ...{ patience: true, kernels: true, threads: true, remote: true },
};

/** Facts about the engine: version, build of the kernels, number of threads, arithmetic of the linears, and the runtime's name. */
export interface EngineInfo {
  readonly version: string;
  readonly kernels: "base" | "relaxed";
  /** How products of bytes are added up: `words` in the base build, otherwise `pairs`, `unsigned` or `signed`, as the CPU does it. */
  readonly dots: DotForm;
  /** Threads that were started; the runtime may allow fewer than the options ask for. */
  readonly threads: number;
  /** Microseconds for which a thread looks for work before it sleeps; 0 with one thread. */
  readonly patience: number;
  readonly activations: Activations["mode"];
  /** Name and version of the JavaScript runtime. */
  readonly runtime: string;
}

/**
 * A loaded model. It generates text and computes logits, and is what calibration, quantisation and evaluation take. Dispose it to free
 * its memory, threads and files.
 */
export class LanguageModel extends Model {
  /** Opens a folder with the given kernels. @throws the errors of reading and loading; nothing stays allocated then. */
  static async load(folder: FolderSource, kernels: KernelModules, options: LoadOptions = {}): Promise<LanguageModel> {
    checkKnownOptions("loadModel", options, KNOWN);
    const files = await readModelFiles(folder);
    const machine = await closing(files, () => Machine.create(kernels, options));
    return new LanguageModel(await Model.loadParts(files, machine, options));
  }

  get engine(): EngineInfo {
    return engineInfo(this);
  }

  override withActivations(activations: Activations): LanguageModel {
    return new LanguageModel(this.partsWith(activations), false);
  }

  /**
   * Generates text for a prompt, piece by piece. The generator's return value is the whole text with its timings. Nothing is checked,
   * computed or allocated before the first piece is requested.
   */
  generate(prompt: Prompt, options: GenerateOptions = {}): AsyncGenerator<Piece, Generated> {
    return generate(this, prompt, options);
  }

  /**
   * Answers a conversation with the model's chat template, piece by piece. The generator's return value has the answer as `message`, and
   * as `messages` the conversation that ends in it.
   */
  chat(messages: readonly ChatMessage[], options: GenerateOptions = {}): AsyncGenerator<Piece, ChatAnswer> {
    return chat(this, messages, options);
  }

  /** A conversation that keeps its messages and its session from turn to turn. The caller disposes it. */
  conversation(options: ConversationOptions = {}): Conversation {
    return new Conversation(this, options);
  }

  /** Logits of every position, f32 [rows, vocab]. */
  logits(ids: readonly number[], options: LogitsOptions = {}): Promise<Logits> {
    return computeLogits(this, ids, options);
  }
}

export function engineInfo(model: Model): EngineInfo {
  const { build, dots, threads, patience } = model.machine;
  return {
    version: VERSION,
    kernels: build,
    dots,
    threads,
    patience,
    activations: model.activations.mode,
    runtime: runtimeName(),
  };
}

interface Surroundings {
  readonly process?: { readonly versions?: { readonly bun?: string; readonly deno?: string; readonly node?: string } };
  readonly navigator?: { readonly userAgent?: string };
}

/** Name and version of the JavaScript runtime. For reports only; no decision depends on it. */
export function runtimeName(): string {
  const { process, navigator } = globalThis as Surroundings;
  // workerd also says that it is some version of Node.
  if (navigator?.userAgent === "Cloudflare-Workers") return "workerd";
  for (const name of ["bun", "deno", "node"] as const) {
    const version = process?.versions?.[name];
    if (version !== undefined) return `${name} ${version}`;
  }
  return navigator?.userAgent ?? "unknown";
}
