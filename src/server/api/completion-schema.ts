/** The body of `POST /v1/completions`. */
import * as v from "valibot";
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

/** Prompts of one request at most. */
const MOST_PROMPTS = 2048;

/** One prompt: a text, or token ids. */
export type CompletionPrompt = string | readonly number[];

export interface CompletionBody extends CommonBody {
  readonly prompt: readonly CompletionPrompt[];
  readonly max_tokens: number | undefined;
  readonly echo: boolean | undefined;
  readonly logprobs: number | undefined;
}

const isIds = (value: unknown): value is readonly number[] =>
  Array.isArray(value) && value.length > 0 && value.every((id) => Number.isSafeInteger(id));
const isPrompt = (value: unknown): value is CompletionPrompt =>
  (v.is(plainText, value) && value !== "") || isIds(value);

const prompts = v.pipe(
  v.custom<CompletionPrompt | readonly CompletionPrompt[]>(
    (value) =>
      isPrompt(value) ||
      (Array.isArray(value) && value.length > 0 && value.length <= MOST_PROMPTS && value.every(isPrompt)),
    `a text, token ids, or at most ${MOST_PROMPTS} of them in a list; none of them empty, no lone surrogates`,
  ),
  v.transform((value): readonly CompletionPrompt[] => (isPrompt(value) ? [value] : value)),
);

export const COMPLETION_SCHEMA: v.GenericSchema<unknown, CompletionBody> = bodySchema<CompletionBody>(
  {
    ...COMMON_FIELDS,
    prompt: prompts,
    max_tokens: maybe(wholeNumber(0, Number.MAX_SAFE_INTEGER)),
    echo: maybe(flag),
    logprobs: maybe(topCount),
  },
  {
    suffix: only("no suffix: text is only continued", (value) => value === ""),
    best_of: only("1: answers are not ranked", (value) => value === 1),
  },
);
