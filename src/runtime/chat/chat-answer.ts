/** Answers a conversation: generation with the model's chat template, and the conversation with the answer at its end. */
import type { Model } from "../../model/model.ts";
import type { ChatMessage } from "../../text/chat/chat-template.ts";
import { type Generated, generate, type Piece } from "../generate.ts";
import type { GenerateOptions } from "../generate-options.ts";

/** A message of the model. */
export interface AssistantMessage extends ChatMessage {
  readonly role: "assistant";
  readonly content: string;
}

/** The answer to a conversation: what a generation gives, the answer as a message, and the conversation that ends in it. */
export interface ChatAnswer extends Generated {
  readonly message: AssistantMessage;
  /** What was asked and the answer: add the next question, and ask again. */
  readonly messages: readonly ChatMessage[];
}

/**
 * Answers a conversation: yields pieces of the answer, and returns the whole. Where the caller says nothing, the sampling is the one that
 * generation_config.json recommends. The answer ends with the ids of that file, the tokenizer's EOS, and the token by which the template
 * ends a turn.
 * @throws TemplateError where the template refuses the conversation; UsageError as `generate` does; FileError for a model without template.
 */
export async function* chat(
  model: Model,
  messages: readonly ChatMessage[],
  options: GenerateOptions = {},
): AsyncGenerator<Piece, ChatAnswer> {
  return answerOf(messages, yield* generate(model, messages, options));
}

/** The conversation with the generated answer at its end. */
export function answerOf(messages: readonly ChatMessage[], generated: Generated): ChatAnswer {
  const message = { role: "assistant", content: generated.text } as const;
  return { ...generated, message, messages: [...messages, message] };
}
