/** Generates text token by token: reads the prompt in batches, then samples, shows and decodes one token after the other. */
import { UsageError } from "../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../base/known-options.ts";
import { createRandom } from "../base/random.ts";
import { Turns } from "../base/turns.ts";
import type { Model, Progress } from "../model/model.ts";
import { checkContext, requireIdList } from "../model/pass/check-session.ts";
import type { LogitRows } from "../model/pass/session.ts";
import { createTextStream, type TextStream } from "../text/text-stream.ts";
import { checkSampling, SampleRoom, type SamplingOptions, sample } from "./sampler.ts";
import { Seat } from "./seat.ts";
import { createStopFilter } from "./stop.ts";

/** Limits of length and context in tokens, stop strings, and the sampler's settings. */
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
  readonly signal?: AbortSignal;
  /** Called after each batch of the prompt with `{ phase: "prefill", done, total, unit: "tokens" }`. */
  readonly onProgress?: (progress: Progress) => void;
}

const KNOWN: KnownOptions<GenerateOptions> = {
  ...{ maxTokens: true, temperature: true, topK: true, topP: true, minP: true, repetitionPenalty: true, seed: true },
  ...{ stop: true, ignoreEos: true, context: true, signal: true, onProgress: true },
};

/** What one step adds: a token, and the text that is certain after it. The last piece may have text only. */
export interface Piece {
  /** The token's id; undefined for text that was held back until the end. */
  readonly id: number | undefined;
  /** The text to append: whole characters only, and empty while a character or a stop string may still be completed. */
  readonly text: string;
}

/** The result of a generation: text and ids without the prompt, the reason why it ended, and its speed in tokens a second. */
export interface Generated {
  readonly text: string;
  /** The generated ids, without the prompt and without an end-of-sequence id at the end. */
  readonly ids: readonly number[];
  readonly promptTokens: number;
  /** `context`: the context is full. Its beginning is never dropped silently, because the model would then no longer see the prompt. */
  readonly stopReason: "eos" | "stop" | "length" | "context";
  readonly timings: { readonly prefillTokensPerSecond: number; readonly decodeTokensPerSecond: number };
}

/** The prompt as text, which the model's tokenizer encodes without adding anything, or as token ids. */
export type Prompt = string | { readonly ids: readonly number[] };

const DEFAULT_MAX_TOKENS = 128;

/**
 * Generates text: yields pieces and returns the whole. If the signal is aborted, it rejects with the signal's reason within one token.
 * The text does not depend on other jobs that run on the model.
 * @throws UsageError for an empty prompt, one that fills the context, an id out of range, an option out of range or unknown.
 */
export async function* generate(
  model: Model,
  prompt: Prompt,
  options: GenerateOptions = {},
): AsyncGenerator<Piece, Generated> {
  const { sampling, maxTokens, stops, turns } = checkOptions(options);
  const promptIds = await idsOf(model, prompt, options.signal);
  const context = checkPrompt(
    promptIds.length,
    options.context ?? model.config.maxPositions,
    model.config.maxPositions,
  );
  using seat = Seat.take(model, Math.min(context, promptIds.length + maxTokens));
  const sampler = createSampler(model, sampling, options.seed ?? 0, promptIds);
  const text = await createShownText(model, prompt, stops);
  const eosIds = options.ignoreEos ? [] : model.config.eosIds;

  const started = performance.now();
  const total = promptIds.length;
  const onTokens = (done: number) => options.onProgress?.({ phase: "prefill", done, total, unit: "tokens" });
  const watch = { onLogits: sampler.take };
  await seat.evaluate(promptIds, () => [], turns, { ...watch, onTokens });
  const prefilled = performance.now();
  const ids: number[] = [];
  let stopReason: Generated["stopReason"] = "length";
  while (ids.length < maxTokens) {
    const id = sampler.next();
    if (eosIds.includes(id)) {
      stopReason = "eos";
      break;
    }
    ids.push(id);
    const shown = text.push(id);
    seat.pause();
    yield { id, text: shown.text };
    if (shown.stopped) {
      stopReason = "stop";
      break;
    }
    if (ids.length === maxTokens) break;
    if (promptIds.length + ids.length > context) {
      stopReason = "context";
      break;
    }
    await seat.evaluate([id], () => [...promptIds, ...ids.slice(0, -1)], turns, watch);
  }
  const rest = stopReason === "stop" ? "" : text.flush();
  if (rest !== "") yield { id: undefined, text: rest };
  const perSecond = (tokens: number, ms: number) => (ms > 0 ? (1000 * tokens) / ms : 0);
  return {
    text: text.whole(),
    ids,
    promptTokens: promptIds.length,
    stopReason,
    timings: {
      prefillTokensPerSecond: perSecond(promptIds.length, prefilled - started),
      decodeTokensPerSecond: perSecond(Math.max(0, ids.length - 1), performance.now() - prefilled),
    },
  };
}

/** Runs a generation to its end, calls `onPiece` with each piece, and returns the whole. */
export async function collect(
  pieces: AsyncGenerator<Piece, Generated>,
  onPiece: (piece: Piece) => void = () => {},
): Promise<Generated> {
  for (;;) {
    const next = await pieces.next();
    if (next.done) return next.value;
    onPiece(next.value);
  }
}

/** Copies the logits out of the engine and samples the next id from them. */
function createSampler(
  model: Model,
  sampling: ReturnType<typeof checkSampling>,
  seed: number,
  promptIds: readonly number[],
): { take(rows: LogitRows): void; next(): number } {
  const random = createRandom(seed);
  const history = [...promptIds];
  const logits = new Float32Array(model.config.vocabSize);
  const room = new SampleRoom(logits.length);
  const { arena } = model.machine;
  return {
    take({ ptr }) {
      const { floats } = arena;
      for (let id = 0, from = ptr >>> 2; id < logits.length; id++) logits[id] = floats[from + id];
    },
    next() {
      const id = sample(logits, sampling, random, history, room);
      history.push(id);
      return id;
    },
  };
}

interface ShownText {
  push(id: number): { readonly text: string; readonly stopped: boolean };
  flush(): string;
  whole(): string;
}

/** Turns ids into text: whole characters only, ending before a stop string. Without a tokenizer, a prompt of ids works and the text is empty. */
async function createShownText(model: Model, prompt: Prompt, stops: readonly string[]): Promise<ShownText> {
  const stream = await openStream(model, typeof prompt === "string" || stops.length > 0);
  const filter = createStopFilter(stops);
  let whole = "";
  const keep = (text: string) => {
    whole += text;
    return text;
  };
  return {
    push(id) {
      const found = filter.push(stream?.push(id) ?? "");
      return { text: keep(found.text), stopped: found.stopped };
    },
    flush() {
      const last = filter.push(stream?.flush() ?? "");
      return keep(last.text + (last.stopped ? "" : filter.flush()));
    },
    whole: () => whole,
  };
}

async function openStream(model: Model, required: boolean): Promise<TextStream | undefined> {
  const tokenizer = required ? await model.tokenizer() : await model.tokenizerIfAny();
  return tokenizer === undefined ? undefined : createTextStream(tokenizer, { skipSpecial: true });
}

interface Checked {
  readonly sampling: ReturnType<typeof checkSampling>;
  readonly maxTokens: number;
  readonly stops: readonly string[];
  readonly turns: Turns;
}

/** @throws UsageError naming the option; the signal's reason if it is already aborted. */
function checkOptions(options: GenerateOptions): Checked {
  checkKnownOptions("generate", options, KNOWN);
  const { maxTokens = DEFAULT_MAX_TOKENS, stop = [], onProgress } = options;
  if (onProgress !== undefined && typeof onProgress !== "function")
    throw new UsageError("onProgress", typeof onProgress, "a function");
  const sampling = checkSampling(options);
  const turns = new Turns(options.signal);
  turns.check();
  return { sampling, maxTokens: checkMaxTokens(maxTokens), stops: checkStops(stop), turns };
}

function checkStops(stop: string | readonly string[]): readonly string[] {
  const stops = typeof stop === "string" ? [stop] : stop;
  const stranger = Array.isArray(stops) ? stops.find((one) => typeof one !== "string") : stops;
  if (stranger !== undefined) throw new UsageError("stop", String(stranger), "a string, or an array of strings");
  if (stops.includes("")) throw new UsageError("stop", "an empty string", "text that ends the generation");
  return stops;
}

async function idsOf(model: Model, prompt: Prompt, signal?: AbortSignal): Promise<readonly number[]> {
  if (typeof prompt === "string") return (await model.tokenizer()).encodeAsync(prompt, { signal });
  if (typeof prompt !== "object" || prompt === null)
    throw new UsageError("prompt", prompt === null ? "null" : typeof prompt, "a string, or { ids } with token ids");
  requireIdList(prompt.ids);
  return prompt.ids;
}

function checkMaxTokens(maxTokens: number): number {
  if (Number.isInteger(maxTokens) && maxTokens >= 1) return maxTokens;
  throw new UsageError("maxTokens", String(maxTokens), "an integer from 1");
}

function checkPrompt(tokens: number, context: number, most: number): number {
  checkContext(context, most);
  if (tokens === 0) throw new UsageError("prompt", "no tokens", "at least one");
  if (tokens > context) throw new UsageError("prompt", `${tokens} tokens`, `at most the context, ${context}`);
  return context;
}
