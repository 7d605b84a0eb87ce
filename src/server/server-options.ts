/** The options of a server, and their checks. */
import { UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import type { Model } from "../model/model.ts";

/** What a server serves, and its limits. */
export interface ServerOptions {
  /** Functions that load the models, by the names that requests use. The server owns what they return, and loads anew after a failure. */
  readonly models: Readonly<Record<string, () => Promise<Model>>>;
  /** The key that requests must send (`Authorization: Bearer KEY`). Default: none is needed. */
  readonly apiKey?: string;
  /** Choices of each model that are computed at the same time. Default 8. */
  readonly parallel?: number;
  /** Requests for each model that may wait beyond these. Default 64. */
  readonly queue?: number;
  /** Most tokens of a prompt and its answer. Default: the model's context, or what `cacheBytes` has room for. */
  readonly context?: number;
  /** Bytes of the keys and values of all texts of a model. Default 512 MiB. */
  readonly cacheBytes?: number;
  /** Most bytes of a request's body. Default 8 MiB. */
  readonly bodyBytes?: number;
}

const KNOWN: KnownOptions<ServerOptions> = {
  ...{ models: true, apiKey: true, parallel: true, queue: true, context: true, cacheBytes: true, bodyBytes: true },
};

/** Limits that have a value where the caller gives none. */
export interface ServerLimits {
  readonly parallel: number;
  readonly queue: number;
  readonly cacheBytes: number;
  readonly bodyBytes: number;
}

export const SERVER_DEFAULTS: ServerLimits = { parallel: 8, queue: 64, cacheBytes: 2 ** 29, bodyBytes: 2 ** 23 };
const MOST_PARALLEL = 128;

/** @throws UsageError for an option out of range or unknown. */
export function checkServerOptions(options: ServerOptions): ServerOptions & ServerLimits {
  checkKnownOptions("createServer", options, KNOWN);
  const settled = { ...SERVER_DEFAULTS, ...withoutUndefined(options) };
  const { models, apiKey } = settled;
  const whole = (name: "parallel" | "queue" | "cacheBytes" | "bodyBytes", least: number, most: number) => {
    const value = settled[name];
    if (!Number.isSafeInteger(value) || value < least || value > most)
      throw new UsageError(name, String(value), `a whole number from ${least} to ${most}`);
  };
  if (typeof models !== "object" || models === null || Object.keys(models).length === 0)
    throw new UsageError("models", "none", "functions that load models, by name");
  for (const [name, load] of Object.entries(models))
    if (typeof load !== "function")
      throw new UsageError(`models.${name}`, typeof load, "a function that loads a model");
  if (apiKey !== undefined && (typeof apiKey !== "string" || apiKey === ""))
    throw new UsageError("apiKey", apiKey === "" ? "an empty text" : typeof apiKey, "a text");
  whole("parallel", 1, MOST_PARALLEL);
  whole("queue", 0, 1_000_000);
  whole("cacheBytes", 1, 2 ** 32);
  whole("bodyBytes", 1, 2 ** 30);
  return settled;
}

function withoutUndefined<T extends object>(options: T): T {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as T;
}
