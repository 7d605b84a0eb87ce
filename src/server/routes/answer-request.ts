/** What completions and chat have in common: a request becomes tasks, and their choices a response or a stream. */
import { VERSION } from "../../base/version.ts";
import type { GenerateOptions } from "../../runtime/generate-options.ts";
import type { EncodedPrompt } from "../../runtime/prompt-ids.ts";
import { ApiError, badField, errorBody, problemOf } from "../api/api-error.ts";
import { EventStream, streamResponse } from "../api/event-stream.ts";
import type { CommonBody } from "../api/request-fields.ts";
import type { ChoiceEnd, ChoicePiece, ChoiceTask } from "../engine/choice-run.ts";
import { runChoices } from "../engine/run-choices.ts";
import type { LoadedModel, ServedModel } from "../engine/served-model.ts";
import type { RequestEnd } from "../scheduling/request-end.ts";
import type { Ticket } from "../scheduling/scheduler.ts";

/** Choices of one request at most, over all of its prompts. */
const MOST_TASKS = 2048;
const SEEDS: number = 2 ** 32;
const MOST_SEED = 2 ** 53;

/** A request that has been let in. */
export interface LetIn {
  readonly served: ServedModel;
  readonly loaded: LoadedModel;
  readonly ticket: Ticket;
  readonly end: RequestEnd;
}

/** The names by which an answer is told. */
export interface AnswerHead {
  readonly id: string;
  readonly object: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
  /** The seed of the first choice: with it the same request gives the same answer again. */
  readonly seed: number;
}

export interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
}

/** How an endpoint shapes its answers. */
export interface AnswerShapes {
  readonly head: AnswerHead;
  readonly choice: (index: number, end: ChoiceEnd) => object;
  /** Choices of events: before the first piece, for each piece, and at the end. */
  readonly opening: (index: number) => object | undefined;
  readonly piece: (index: number, piece: ChoicePiece) => object;
  readonly closing: (index: number, end: ChoiceEnd, told: number) => object;
}

/** The seed of a request: its own, or one that is drawn. Negative seeds count from the end. */
export function seedOf({ seed }: CommonBody): number {
  if (seed === undefined) return crypto.getRandomValues(new Uint32Array(1))[0] % SEEDS;
  return seed < 0 ? seed + MOST_SEED : seed;
}

/** The options of choice `choice`, which has a seed of its own. */
export function generateOptions(body: CommonBody, seed: number, choice: number): GenerateOptions {
  return {
    ...{ temperature: body.temperature, topP: body.top_p, topK: body.top_k, minP: body.min_p },
    ...{ repetitionPenalty: body.repetition_penalty, ignoreEos: body.ignore_eos === true, stop: body.stop },
    seed: (seed + choice) % MOST_SEED,
  };
}

/** @throws ApiError for a prompt that the model cannot read. @param param the field that it comes from. */
export function checkPromptIds({ ids }: EncodedPrompt, { model, session }: LoadedModel, param: string): void {
  const { vocabSize } = model.config;
  const stranger = ids.find((id) => id < 0 || id >= vocabSize);
  if (stranger !== undefined) throw badField(param, `the token id ${stranger}`, `ids from 0 to ${vocabSize - 1}`);
  if (ids.length === 0) throw badField(param, "no tokens", "at least one");
  if (ids.length <= session.context) return;
  const message = `${param}: found ${ids.length} tokens, expected at most the context, ${session.context}`;
  throw new ApiError({ status: 400, param, code: "context_length_exceeded", message });
}

/** @throws ApiError for more choices than a request may have. */
export function checkCount(choices: number): void {
  if (choices > MOST_TASKS) throw badField("n", `${choices} choices over all prompts`, `at most ${MOST_TASKS}`);
}

export function answerHead(kind: "cmpl" | "chatcmpl", object: string, served: ServedModel, seed: number): AnswerHead {
  const created = Math.floor(Date.now() / 1000);
  const id = `${kind}-${crypto.randomUUID()}`;
  return { id, object, created, model: served.id, system_fingerprint: `quern-${VERSION}`, seed };
}

/** The whole answer at once. */
export async function wholeAnswer(tasks: readonly ChoiceTask[], run: LetIn, shapes: AnswerShapes): Promise<Response> {
  const ends = await runChoices(tasks, run);
  return Response.json({
    ...shapes.head,
    choices: ends.map((end, at) => shapes.choice(at, end)),
    usage: usageOf(tasks, ends),
  });
}

/**
 * The answer as a stream, piece by piece. It begins at once; an error afterwards is its last event.
 * @param release is called when the answer has ended.
 */
export function streamedAnswer(
  tasks: readonly ChoiceTask[],
  run: LetIn,
  { shapes, body, release }: { readonly shapes: AnswerShapes; readonly body: CommonBody; readonly release: () => void },
): Response {
  const events = new EventStream(() => run.end.abort(new DOMException("the client has gone", "AbortError")));
  const hasUsage = body.stream_options?.include_usage === true;
  const tell = (choice: object) =>
    events.send({ ...shapes.head, choices: [choice], ...(hasUsage ? { usage: null } : {}) });
  const told = tasks.map(() => 0);
  const onPiece = (index: number, piece: ChoicePiece) => {
    told[index] += piece.scores.length;
    return piece.text === "" && piece.scores.length === 0 ? undefined : tell(shapes.piece(index, piece));
  };
  const onEnd = async (index: number, end: ChoiceEnd) => tell(shapes.closing(index, end, told[index]));
  const write = async () => {
    try {
      tasks.forEach((_, index) => {
        const opening = shapes.opening(index);
        if (opening !== undefined) void tell(opening);
      });
      const ends = await runChoices(tasks, { ...run, onPiece, onEnd });
      if (hasUsage) void events.send({ ...shapes.head, choices: [], usage: usageOf(tasks, ends) });
    } catch (error) {
      void events.send(errorBody(problemOf(error)));
    } finally {
      events.end();
      release();
    }
  };
  void write();
  return streamResponse(events);
}

/** Tokens of a prompt count once for all of its choices. */
function usageOf(tasks: readonly ChoiceTask[], ends: readonly ChoiceEnd[]): Usage {
  const prompts = new Set(tasks.map(({ prompt }) => prompt));
  const prompt_tokens = [...prompts].reduce((sum, { ids }) => sum + ids.length, 0);
  const completion_tokens = ends.reduce((sum, { ids }) => sum + ids.length, 0);
  return { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens };
}
