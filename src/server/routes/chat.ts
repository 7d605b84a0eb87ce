/** `POST /v1/chat/completions`: answers to conversations, by the model's chat template. */
import { type EncodedPrompt, encodePrompt } from "../../runtime/prompt-ids.ts";
import type { TemplateVariables } from "../../text/chat/chat-template.ts";
import type { Tokenizer } from "../../text/tokenizer.ts";
import { badField } from "../api/api-error.ts";
import type { ChatBody } from "../api/chat-schema.ts";
import { isWellFormed } from "../api/request-fields.ts";
import type { ChoiceEnd } from "../engine/choice-run.ts";
import type { ScoredToken } from "../engine/row-scores.ts";
import {
  type AnswerShapes,
  answerHead,
  checkPromptIds,
  generateOptions,
  type LetIn,
  seedOf,
} from "./answer-request.ts";
import type { AnswerPlan } from "./completions.ts";
import { chatScores } from "./score-shapes.ts";

export async function planChat(body: ChatBody, run: LetIn): Promise<AnswerPlan> {
  const { loaded, served } = run;
  const { n = 1, logprobs = false, top_logprobs: top = 0, stream = false } = body;
  if (top > 0 && !logprobs) throw badField("top_logprobs", String(top), "logprobs: true too");
  const prompt = await encodeChat(body, run);
  checkPromptIds(prompt, loaded, "messages");
  const seed = seedOf(body);
  // The answer ends with the context if nothing else is said.
  const maxTokens = body.max_completion_tokens ?? body.max_tokens ?? loaded.session.context;
  const tasks = Array.from({ length: n }, (_, choice) => {
    const options = generateOptions(body, seed, choice);
    return { prompt, options, maxTokens, top: logprobs ? top : undefined, scoresPrompt: false };
  });
  const head = answerHead("chatcmpl", stream ? "chat.completion.chunk" : "chat.completion", served, seed);
  return { tasks, shapes: { head, ...chatShapes(logprobs, loaded.tokenizer) } };
}

async function encodeChat(body: ChatBody, { loaded, end }: LetIn): Promise<EncodedPrompt> {
  const { messages, tools, tool_choice: choice, chat_template_kwargs: given = {} } = body;
  const hasTools = tools !== undefined && tools.length > 0 && choice !== "none";
  const variables: TemplateVariables = { ...given, ...(hasTools ? { tools } : {}) };
  const template = await loaded.model.chatTemplate();
  if (!isWellFormed(template.render(messages, variables)))
    throw badField("messages", "a lone surrogate, half of a character", "whole characters");
  return encodePrompt(loaded.model, messages, { variables, signal: end.signal });
}

function chatShapes(logprobs: boolean, tokenizer: Tokenizer | undefined): Omit<AnswerShapes, "head"> {
  const scoresOf = (scores: readonly ScoredToken[]) => (logprobs ? chatScores(tokenizer, scores) : null);
  const delta = (index: number, part: object, scores: readonly ScoredToken[], reason: ChoiceEnd["reason"] | null) => {
    return { index, delta: part, logprobs: scores.length > 0 ? scoresOf(scores) : null, finish_reason: reason };
  };
  return {
    choice(index, end) {
      const message = { role: "assistant", content: end.text, refusal: null };
      return { index, message, logprobs: scoresOf(ofText(end)), finish_reason: end.reason };
    },
    opening: (index) => delta(index, { role: "assistant", content: "", refusal: null }, [], null),
    piece: (index, { text, scores }) => delta(index, { content: text }, scores, null),
    closing: (index, end, told) => delta(index, {}, ofText(end).slice(told), end.reason),
  };
}

/** The scores of the tokens of a message, without the one that ended it. */
function ofText({ scores, endsInEos }: ChoiceEnd): readonly ScoredToken[] {
  return endsInEos ? scores.slice(0, -1) : scores;
}
