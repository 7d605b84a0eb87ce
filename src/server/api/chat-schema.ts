/** The body of `POST /v1/chat/completions`. */
import * as v from "valibot";
import type { ChatMessage } from "../../text/chat/chat-template.ts";
import {
  bodySchema,
  COMMON_FIELDS,
  type CommonBody,
  flag,
  maybe,
  only,
  plainText,
  topCount,
  wholeNumber,
} from "./request-fields.ts";

export interface ChatBody extends CommonBody {
  readonly messages: readonly ChatMessage[];
  readonly max_tokens: number | undefined;
  readonly max_completion_tokens: number | undefined;
  readonly logprobs: boolean | undefined;
  readonly top_logprobs: number | undefined;
  readonly tools: readonly object[] | undefined;
  readonly tool_choice: string | undefined;
  readonly chat_template_kwargs: Readonly<Record<string, unknown>> | undefined;
}

const part = v.object(
  { type: v.literal("text", "text: other parts, such as images, are not read"), text: plainText },
  'a part such as { "type": "text", "text": "Hello" }',
);
const parts = v.array(part, 'a text, or a list of parts such as { "type": "text", "text": "Hello" }');
const nullText = v.nullish(plainText);

/** Parts of text become one text, because most templates know only that. */
const content = v.pipe(
  v.lazy((value: unknown): v.GenericSchema => (Array.isArray(value) ? parts : nullText)),
  v.transform((value) => (Array.isArray(value) ? value.map((one: { text: string }) => one.text).join("") : value)),
);

/** Templates may read further fields, which stay as they are. */
const message = v.lazy((value: unknown) => {
  const others = Object.keys(value ?? {}).filter((name) => name !== "__proto__");
  return v.object(
    { ...Object.fromEntries(others.map((name) => [name, v.unknown()])), role: plainText, content: v.optional(content) },
    'a message such as { "role": "user", "content": "Hello" }',
  );
});
const messages = v.pipe(v.array(message, "a list of messages"), v.nonEmpty("at least one message"));

const isTextFormat = (value: unknown) => (value as { readonly type?: unknown } | null)?.type === "text";

export const CHAT_SCHEMA: v.GenericSchema<unknown, ChatBody> = bodySchema<ChatBody>(
  {
    ...COMMON_FIELDS,
    messages: messages as v.GenericSchema<unknown, readonly ChatMessage[]>,
    max_tokens: maybe(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    max_completion_tokens: maybe(wholeNumber(1, Number.MAX_SAFE_INTEGER)),
    logprobs: maybe(flag),
    top_logprobs: maybe(topCount),
    tools: maybe(
      v.array(v.record(v.string(), v.unknown(), "an object"), "a list of tools") as v.GenericSchema<unknown, object[]>,
    ),
    tool_choice: maybe(
      v.picklist(["auto", "none"], "auto or none: no tool can be forced") as v.GenericSchema<unknown, string>,
    ),
    chat_template_kwargs: maybe(
      v.record(v.string(), v.unknown(), "an object of template variables") as v.GenericSchema<
        unknown,
        Record<string, unknown>
      >,
    ),
  },
  { response_format: only('{ "type": "text" }: answers are not held to a format yet', isTextFormat) },
);
