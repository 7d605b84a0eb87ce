/** `POST /v1/completions`: texts that go on, or the log-probabilities of given ones. */
import { encodePrompt } from "../../runtime/prompt-ids.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { badField } from "../api/api-error.ts";
import type { CompletionBody, CompletionPrompt } from "../api/completion-schema.ts";
import type { ChoiceEnd, ChoiceTask } from "../engine/choice-run.ts";
import type { ScoredToken } from "../engine/row-scores.ts";
import { tokenText } from "../engine/token-texts.ts";
import {
  type AnswerShapes,
  answerHead,
  checkCount,
  checkPromptIds,
  generateOptions,
  type LetIn,
  seedOf,
} from "./answer-request.ts";
import { completionScores } from "./score-shapes.ts";

/** As in the API that this one follows. */
const DEFAULT_TOKENS = 16;

/** What there is to compute, and how it is told. */
export interface AnswerPlan {
  readonly tasks: readonly ChoiceTask[];
  readonly shapes: AnswerShapes;
}

export async function planCompletion(body: CompletionBody, run: LetIn): Promise<AnswerPlan> {
  const { loaded, served } = run;
  const { signal } = run.end;
  const { n = 1, logprobs, echo = false, max_tokens: maxTokens = DEFAULT_TOKENS } = body;
  if (echo && body.stream === true && logprobs !== undefined)
    throw badField("echo", "stream and logprobs too", "at most two of the three");
  checkCount(n * body.prompt.length);
  const seed = seedOf(body);
  const tasks: ChoiceTask[] = [];
  const echoes: string[] = [];
  for (const given of body.prompt) {
    const prompt = await encodePrompt(loaded.model, typeof given === "string" ? given : { ids: given }, { signal });
    checkPromptIds(prompt, loaded, "prompt");
    for (let choice = 0; choice < n; choice++) {
      const options = generateOptions(body, seed, choice);
      tasks.push({ prompt, options, maxTokens, top: logprobs, scoresPrompt: echo });
      echoes.push(echo ? promptText(given, loaded.tokenizer) : "");
    }
  }
  const head = answerHead("cmpl", "text_completion", served, seed);
  return { tasks, shapes: { head, ...completionShapes(body, loaded.tokenizer, echoes) } };
}

/** @param echoes what stands before the text of each choice. */
function completionShapes(
  { logprobs, echo = false }: CompletionBody,
  tokenizer: Tokenizer | undefined,
  echoes: readonly string[],
): Omit<AnswerShapes, "head"> {
  const offsets = echoes.map(({ length }) => length);
  const scoresOf = (scores: readonly ScoredToken[], from: number) =>
    logprobs === undefined ? null : completionScores(tokenizer, scores, from);
  const shape = (index: number, text: string, scores: readonly ScoredToken[], from: number) => {
    offsets[index] += text.length;
    return { index, text, logprobs: scoresOf(scores, from), finish_reason: null };
  };
  return {
    choice(index, end) {
      const scores = echo ? [...end.promptScores, ...end.scores] : end.scores;
      const [text, from] = [echoes[index] + end.text, echo ? 0 : echoes[index].length];
      return { index, text, logprobs: scoresOf(scores, from), finish_reason: end.reason };
    },
    opening: (index) => (echo ? { index, text: echoes[index], logprobs: null, finish_reason: null } : undefined),
    piece: (index, { text, scores }) => shape(index, text, scores, offsets[index]),
    closing(index, end: ChoiceEnd, told) {
      const rest = end.scores.slice(told);
      const logs = logprobs === undefined || rest.length === 0 ? null : scoresOf(rest, offsets[index]);
      return { index, text: "", logprobs: logs, finish_reason: end.reason };
    },
  };
}

function promptText(given: CompletionPrompt, tokenizer: Tokenizer | undefined): string {
  if (typeof given === "string") return given;
  const known = given.filter((id) => tokenizer?.tokenOf(id) !== undefined);
  return known.length === given.length
    ? (tokenizer?.decode(given) ?? "")
    : given.map((id) => tokenText(tokenizer, id)).join("");
}
