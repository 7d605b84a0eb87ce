/** Finds the token by which a model ends its turn: the special token that its chat template writes after an answer. */
import { TemplateError } from "../../base/errors.ts";
import type { Tokenizer } from "../tokenizer.ts";
import type { ChatMessage, ChatTemplate } from "./chat-template.ts";

/** An answer that no template holds itself. */
const ANSWER = "\u2402answer\u2402";
const QUESTION: ChatMessage = { role: "user", content: "question" };
const ANSWERED: readonly ChatMessage[] = [QUESTION, { role: "assistant", content: ANSWER }];
/** The last turn of a conversation may be written without its end. */
const CONVERSATIONS = [[...ANSWERED, QUESTION], ANSWERED];

/** Undefined where the template ends turns by plain text, or refuses such a conversation. */
export function endOfTurnId(template: ChatTemplate, tokenizer: Tokenizer): number | undefined {
  for (const messages of CONVERSATIONS) {
    const text = rendered(template, messages);
    const at = text?.indexOf(ANSWER) ?? -1;
    if (text === undefined || at < 0) continue;
    const [id] = tokenizer.encode(text.slice(at + ANSWER.length).trimStart());
    if (id !== undefined && tokenizer.specialIds.has(id)) return id;
  }
  return undefined;
}

function rendered(template: ChatTemplate, messages: readonly ChatMessage[]): string | undefined {
  try {
    return template.render(messages, { add_generation_prompt: false });
  } catch (error) {
    if (error instanceof TemplateError) return undefined;
    throw error;
  }
}
