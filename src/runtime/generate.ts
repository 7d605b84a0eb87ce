/** Generates text token by token: reads the prompt in batches, then samples, shows and decodes one token after the other. */
import { UsageError } from "../base/errors.ts";
import { createRandom } from "../base/random.ts";
import type { Model } from "../model/model.ts";
import { checkContext } from "../model/pass/check-session.ts";
import type { LogitRows } from "../model/pass/session-watch.ts";
import { borrowSampling } from "./engine-sampling.ts";
import { checkGenerateOptions, type GenerateOptions, settledSampling } from "./generate-options.ts";
import { type EncodedPrompt, encodePrompt, type Prompt } from "./prompt-ids.ts";
import { SampleRoom, type SamplingOptions, sample } from "./sampler.ts";
import { Seat } from "./seat.ts";
import { createShownText } from "./shown-text.ts";
import type { TokenRun } from "./token-run.ts";

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

/** How a generation is run: its options, and a run for sequences of up to `context` tokens. */
export interface GenerationJob {
  readonly options: GenerateOptions;
  readonly open: (context: number) => TokenRun;
  /** Called with each id that is drawn, also with one that ends the text. */
  readonly onDrawn?: (id: number) => void;
}

/**
 * Generates text: yields pieces and returns the whole. If the signal is aborted, it rejects with the signal's reason within one token.
 * The text does not depend on other jobs that run on the model.
 * @throws UsageError for an empty prompt, one that fills the context, an id out of range, an option out of range or unknown.
 */
export function generate(
  model: Model,
  prompt: Prompt,
  options: GenerateOptions = {},
): AsyncGenerator<Piece, Generated> {
  return runGeneration(model, prompt, { options, open: (context) => Seat.take(model, context) });
}

/** `generate` on a run that the caller opens. */
export async function* runGeneration(
  model: Model,
  prompt: Prompt,
  job: GenerationJob,
): AsyncGenerator<Piece, Generated> {
  checkGenerateOptions(job.options);
  return yield* runEncoded(model, await encodePrompt(model, prompt, job.options), job);
}

/** The same for a prompt that is encoded. */
export async function* runEncoded(
  model: Model,
  { ids: promptIds, isText, stopIds, sampling }: EncodedPrompt,
  { options, open, onDrawn }: GenerationJob,
): AsyncGenerator<Piece, Generated> {
  const { maxTokens, stops, turns } = checkGenerateOptions(options);
  const { maxPositions } = model.config;
  const context = checkPrompt(promptIds.length, options.context ?? maxPositions, maxPositions);
  using run = open(Math.min(context, promptIds.length + maxTokens));
  using sampler = createSampler(model, settledSampling(options, sampling), options.seed ?? 0, promptIds);
  const text = await createShownText(model, stops, isText || stops.length > 0);
  const endIds = options.ignoreEos ? [] : stopIds;

  const started = performance.now();
  const total = promptIds.length;
  const onTokens = (done: number) => options.onProgress?.({ phase: "prefill", done, total, unit: "tokens" });
  const watch = { onLogits: sampler.take };
  await run.evaluate(promptIds, () => [], turns, { ...watch, onTokens });
  const prefilled = performance.now();
  const ids: number[] = [];
  let stopReason: Generated["stopReason"] = "length";
  while (ids.length < maxTokens) {
    const id = sampler.next();
    onDrawn?.(id);
    if (endIds.includes(id)) {
      stopReason = "eos";
      break;
    }
    ids.push(id);
    const shown = text.push(id);
    run.pause();
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
    await run.evaluate([id], () => [...promptIds, ...ids.slice(0, -1)], turns, watch);
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
      prefillTokensPerSecond: perSecond(promptIds.length - run.reused, prefilled - started),
      decodeTokensPerSecond: perSecond(Math.max(0, ids.length - 1), performance.now() - prefilled),
    },
  };
}

/** Runs a generation to its end, calls `onPiece` with each piece, and returns the whole. */
export async function collect<Whole extends Generated>(
  pieces: AsyncGenerator<Piece, Whole>,
  onPiece: (piece: Piece) => void = () => {},
): Promise<Whole> {
  for (;;) {
    const next = await pieces.next();
    if (next.done) return next.value;
    onPiece(next.value);
  }
}

/** Samples the next id from logits while they lie in the engine: `take` draws it, `next` gives it. */
function createSampler(
  model: Model,
  sampling: Required<SamplingOptions>,
  seed: number,
  promptIds: readonly number[],
): Disposable & { take(rows: LogitRows): void; next(): number } {
  const random = createRandom(seed);
  const history = [...promptIds];
  const { vocabSize } = model.config;
  const sampler = borrowSampling(model);
  const room = new SampleRoom(vocabSize, sampler.engine);
  const { arena } = model.machine;
  let logits: Float32Array = new Float32Array(0);
  return {
    take({ ptr }) {
      // A new view only after the memory has grown, or for another session.
      if (logits.buffer !== arena.words.buffer || logits.byteOffset !== ptr) logits = arena.f32(ptr, vocabSize);
      history.push(sample(logits, sampling, random, history, room));
    },
    next: () => history[history.length - 1],
    [Symbol.dispose]: () => sampler[Symbol.dispose](),
  };
}

function checkPrompt(tokens: number, context: number, most: number): number {
  checkContext(context, most);
  if (tokens === 0) throw new UsageError("prompt", "no tokens", "at least one");
  if (tokens > context) throw new UsageError("prompt", `${tokens} tokens`, `at most the context, ${context}`);
  return context;
}
