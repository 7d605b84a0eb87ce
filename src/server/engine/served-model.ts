/** A model that a server has loaded, or loads when it is first asked for, and loads again after a pass has failed. */
import { UsageError } from "../../base/errors.ts";
import type { ModelConfig } from "../../model/config/model-config.ts";
import type { Model } from "../../model/model.ts";
import { SharedSession } from "../../model/pass/shared/shared-session.ts";
import { cacheBytesPerToken } from "../../model/pass/state/mixer-widths.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { ApiError } from "../api/api-error.ts";
import { Scheduler, type SchedulerOptions } from "../scheduling/scheduler.ts";

export interface ServedModelOptions extends SchedulerOptions {
  /** Most tokens of a prompt and its answer. Default: the model's context, or what `cacheBytes` has room for. */
  readonly context: number | undefined;
  /** Bytes of the keys and values of all sequences. */
  readonly cacheBytes: number;
}

/** A model with the session that its requests share. */
export interface LoadedModel {
  readonly model: Model;
  readonly session: SharedSession;
  readonly tokenizer: Tokenizer | undefined;
  /** Whether a pass has failed, so that nothing more runs on it. */
  isBroken: boolean;
}

export class ServedModel {
  readonly id: string;
  readonly scheduler: Scheduler;
  /** Tokens of prompts and answers so far, and models loaded anew after a failure. */
  readonly counts: { promptTokens: number; answerTokens: number; reloads: number } = {
    ...{ promptTokens: 0, answerTokens: 0, reloads: 0 },
  };
  readonly #load: () => Promise<Model>;
  readonly #options: ServedModelOptions;
  #loaded: Promise<LoadedModel> | undefined;
  #present: LoadedModel | undefined;
  #isClosed = false;

  constructor(id: string, load: () => Promise<Model>, options: ServedModelOptions) {
    this.id = id;
    this.#load = load;
    this.#options = options;
    this.scheduler = new Scheduler(options);
  }

  /** The model if it is loaded now. */
  get present(): LoadedModel | undefined {
    return this.#present;
  }

  /** The model; it is loaded at the first call, and again at the next one if that fails. @throws ApiError with status 503. */
  async get(): Promise<LoadedModel> {
    if (this.#isClosed) throw new ApiError({ status: 503, message: "the server is shutting down", code: "closing" });
    try {
      return await this.load();
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      const message = `model ${this.id} could not be loaded: ${problem}`;
      throw new ApiError({ status: 503, message, code: "model_not_loaded" }, { cause });
    }
  }

  /** Does the same, but throws what the function that loads it throws. */
  async load(): Promise<LoadedModel> {
    this.#loaded ??= this.#open();
    try {
      return await this.#loaded;
    } catch (error) {
      this.#loaded = undefined;
      throw error;
    }
  }

  async #open(): Promise<LoadedModel> {
    const model = await this.#load();
    try {
      const session = openShared(model, this.#options);
      const loaded = { model, session, tokenizer: await model.tokenizerIfAny(), isBroken: false };
      this.#present = loaded;
      return loaded;
    } catch (error) {
      await model[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** A pass has failed: all requests of this load are refused, and the model is loaded again. */
  fail(loaded: LoadedModel): void {
    if (loaded.isBroken) return;
    loaded.isBroken = true;
    this.#present = undefined;
    this.counts.reloads++;
    this.#loaded = undefined;
    const reload = async () => {
      await release(loaded);
      await this.get();
    };
    // Whoever asks next is told if it fails again.
    reload().catch(() => {});
  }

  /** Frees the model. Requests must have ended, or are refused. */
  async close(): Promise<void> {
    this.#isClosed = true;
    const loaded = await this.#loaded?.catch(() => undefined);
    this.#loaded = undefined;
    this.#present = undefined;
    if (loaded !== undefined) await release(loaded);
  }
}

async function release({ model, session }: LoadedModel): Promise<void> {
  session[Symbol.dispose]();
  await model[Symbol.asyncDispose]();
}

/** A session with rows for as many contexts as slots, as far as they fit into `cacheBytes`. */
function openShared(model: Model, { parallel, context, cacheBytes }: ServedModelOptions): SharedSession {
  const { config } = model;
  const fitting = Math.floor(cacheBytes / rowBytes(config, model.cache));
  const most = Math.min(config.maxPositions, fitting);
  const tokens = context ?? most;
  if (tokens > fitting || fitting < 1)
    throw new UsageError("cache memory", `${cacheBytes} bytes, room for ${fitting} tokens`, `room for ${context ?? 1}`);
  return new SharedSession(model, { context: tokens, rows: Math.min(parallel * tokens, fitting) });
}

/** Bytes of a token in the cache of a shared session, where convolutions keep all rows. */
function rowBytes(config: ModelConfig, cache: Model["cache"]): number {
  const convs = config.mixers.filter((mixer) => mixer === "conv").length;
  return Math.max(1, cacheBytesPerToken(config, cache) + 4 * convs * config.hiddenSize);
}
