/** Turns a prompt into token ids: text, messages of a conversation, or ids as they are. */
import { UsageError } from "../base/errors.ts";
import type { Model } from "../model/model.ts";
import { requireIdList } from "../model/pass/check-session.ts";
import { type ChatMessage, checkMessages } from "../text/chat/chat-template.ts";
import { endOfTurnId } from "../text/chat/end-of-turn.ts";
import type { GenerateOptions } from "./generate-options.ts";
import type { SamplingOptions } from "./sampler.ts";

/**
 * The prompt: text, which the model's tokenizer encodes without adding anything; the messages of a conversation, which the model's chat
 * template turns into text; or token ids.
 */
export type Prompt = string | readonly ChatMessage[] | { readonly ids: readonly number[] };

export interface EncodedPrompt {
  readonly ids: readonly number[];
  /** Whether the prompt was text in some form, so that the model has a tokenizer. */
  readonly isText: boolean;
  /** Ids that end the text. */
  readonly stopIds: readonly number[];
  /** The sampling that the model recommends for such prompts. */
  readonly sampling: SamplingOptions;
}

/** @throws UsageError for a prompt of another kind; TemplateError where the chat template refuses the messages. */
export async function encodePrompt(model: Model, prompt: Prompt, options: GenerateOptions): Promise<EncodedPrompt> {
  const { eosIds = model.config.eosIds, sampling } = await model.files.text.generation();
  if (isConversation(prompt)) {
    const { ids, endIds } = await encodeMessages(model, prompt, options);
    return { ids, isText: true, stopIds: [...new Set([...eosIds, ...endIds])], sampling };
  }
  for (const name of ["variables", "chatTemplate"] as const)
    if (options[name] !== undefined)
      throw new UsageError(name, "a prompt that is not messages", "a list of messages as prompt");
  if (typeof prompt === "string") {
    const ids = await (await model.tokenizer()).encodeAsync(prompt, { signal: options.signal });
    return { ids, isText: true, stopIds: eosIds, sampling: {} };
  }
  return { ids: idsOf(prompt), isText: false, stopIds: eosIds, sampling: {} };
}

function isConversation(prompt: Prompt): prompt is readonly ChatMessage[] {
  return Array.isArray(prompt);
}

function idsOf(prompt: { readonly ids: readonly number[] }): readonly number[] {
  if (typeof prompt !== "object" || prompt === null) {
    const found = prompt === null ? "null" : typeof prompt;
    throw new UsageError("prompt", found, "a string, a list of messages, or { ids } with token ids");
  }
  requireIdList(prompt.ids);
  return prompt.ids;
}

/** Special tokens in the rendered text are recognised. Nothing is added to it: a template writes BOS itself where the model wants it. */
async function encodeMessages(
  model: Model,
  messages: readonly ChatMessage[],
  { chatTemplate, variables, signal }: GenerateOptions,
): Promise<{ readonly ids: readonly number[]; readonly endIds: readonly number[] }> {
  checkMessages(messages);
  const tokenizer = await model.tokenizer();
  const template = chatTemplate ?? (await model.chatTemplate());
  const ids = await tokenizer.encodeAsync(template.render(messages, variables), { signal });
  const ends = [tokenizer.eosId, endOfTurnId(template, tokenizer)];
  return { ids, endIds: ends.filter((id) => id !== undefined) };
}
