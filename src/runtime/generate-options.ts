/** The options of `generate` and `chat`, and their checks. */
import { UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import { Turns } from "../base/turns.ts";
import type { Progress } from "../model/model.ts";
import { ChatTemplate, type TemplateVariables } from "../text/chat/chat-template.ts";
import { checkSampling, type SamplingOptions } from "./sampler.ts";

/** Limits of length and context in tokens, stop strings, the sampler's settings, and the chat template's variables. */
export interface GenerateOptions extends SamplingOptions {
  /** Most tokens to generate. Default 128. */
  readonly maxTokens?: number;
  /** Seed of the sampler (src/base/random.ts): the same seed gives the same text on every runtime. Default 0. */
  readonly seed?: number;
  /** The text ends before the first of these strings. */
  readonly stop?: string | readonly string[];
  /** Whether generation continues after end-of-sequence ids. Default false. */
  readonly ignoreEos?: boolean;
  /** Most tokens of prompt and text together. Default: the model's context. */
  readonly context?: number;
  /** With messages: what the chat template sees besides them, such as `{ tools, enable_thinking: false }`. */
  readonly variables?: TemplateVariables;
  /** With messages: the template to use. Default: the model's own. */
  readonly chatTemplate?: ChatTemplate;
  readonly signal?: AbortSignal;
  /** Called after each batch of the prompt with `{ phase: "prefill", done, total, unit: "tokens" }`. */
  readonly onProgress?: (progress: Progress) => void;
}

const KNOWN: KnownOptions<GenerateOptions> = {
  ...{ maxTokens: true, temperature: true, topK: true, topP: true, minP: true, repetitionPenalty: true, seed: true },
  ...{
    stop: true,
    ignoreEos: true,
    context: true,
    variables: true,
    chatTemplate: true,
    signal: true,
    onProgress: true,
  },
};

export interface CheckedOptions {
  readonly maxTokens: number;
  readonly stops: readonly string[];
  readonly turns: Turns;
}

const DEFAULT_MAX_TOKENS = 128;

/** @throws UsageError naming the option; the signal's reason if it is already aborted. */
export function checkGenerateOptions(options: GenerateOptions): CheckedOptions {
  checkKnownOptions("generate", options, KNOWN);
  const { maxTokens = DEFAULT_MAX_TOKENS, stop = [], onProgress, chatTemplate, variables } = options;
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new UsageError("onProgress", typeof onProgress, "a function");
  if (chatTemplate !== undefined && !(chatTemplate instanceof ChatTemplate))
    throw new UsageError("chatTemplate", typeof chatTemplate, "what model.chatTemplate() gives");
  if (variables !== undefined && (typeof variables !== "object" || variables === null || Array.isArray(variables)))
    throw new UsageError(
      "variables",
      variables === null ? "null" : typeof variables,
      "an object of template variables",
    );
  checkSampling(options);
  const turns = new Turns(options.signal);
  turns.check();
  return { maxTokens: checkMaxTokens(maxTokens), stops: checkStops(stop), turns };
}

/** What the caller asks for, and for the rest what the model recommends. */
export function settledSampling(options: SamplingOptions, recommended: SamplingOptions): Required<SamplingOptions> {
  const { temperature, topK, topP, minP, repetitionPenalty } = options;
  return checkSampling({
    temperature: temperature ?? recommended.temperature,
    topK: topK ?? recommended.topK,
    topP: topP ?? recommended.topP,
    minP: minP ?? recommended.minP,
    repetitionPenalty: repetitionPenalty ?? recommended.repetitionPenalty,
  });
}

function checkStops(stop: string | readonly string[]): readonly string[] {
  const stops = typeof stop === "string" ? [stop] : stop;
  const stranger = Array.isArray(stops) ? stops.find((one) => typeof one !== "string") : stops;
  if (stranger !== undefined) throw new UsageError("stop", String(stranger), "a string, or an array of strings");
  if (stops.includes("")) throw new UsageError("stop", "an empty string", "text that ends the generation");
  return stops;
}

function checkMaxTokens(maxTokens: number): number {
  if (Number.isInteger(maxTokens) && maxTokens >= 1) return maxTokens;
  throw new UsageError("maxTokens", String(maxTokens), "an integer from 1");
}
