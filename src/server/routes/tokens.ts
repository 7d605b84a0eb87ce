/** `/tokenize`, `/detokenize` and `/tokenizer_info`: what lm-evaluation-harness reads of a server's tokenizer, and others too. */
import * as v from "valibot";
import { FileError } from "../../base/errors.ts";
import { badField } from "../api/api-error.ts";
import { type FieldSchemas, flag, maybe, plainText } from "../api/request-fields.ts";
import type { LoadedModel } from "../engine/served-model.ts";

interface TokenizeBody {
  readonly model: string | undefined;
  readonly prompt: string;
  readonly add_special_tokens: boolean | undefined;
}

interface DetokenizeBody {
  readonly model: string | undefined;
  readonly tokens: readonly number[];
}

const tokenizeFields: FieldSchemas<TokenizeBody> = {
  model: maybe(plainText),
  prompt: plainText,
  add_special_tokens: maybe(flag),
};
const detokenizeFields: FieldSchemas<DetokenizeBody> = {
  model: maybe(plainText),
  tokens: v.custom<readonly number[]>(
    (value) => Array.isArray(value) && value.every((id) => Number.isSafeInteger(id)),
    "a list of token ids",
  ),
};

export const TOKENIZE_SCHEMA: v.GenericSchema<unknown, TokenizeBody> = v.strictObject(
  tokenizeFields as v.ObjectEntries,
  "an object",
) as unknown as v.GenericSchema<unknown, TokenizeBody>;
export const DETOKENIZE_SCHEMA: v.GenericSchema<unknown, DetokenizeBody> = v.strictObject(
  detokenizeFields as v.ObjectEntries,
  "an object",
) as unknown as v.GenericSchema<unknown, DetokenizeBody>;

/** The ids of a text. Special tokens in it are recognised; BOS is put before it where the model's own pipeline does so. */
export async function tokenize(
  body: TokenizeBody,
  { model, session }: LoadedModel,
  signal: AbortSignal,
): Promise<object> {
  const tokenizer = await model.tokenizer();
  const ids = await tokenizer.encodeAsync(body.prompt, { signal });
  const { bosId, addsBos } = tokenizer;
  const isBegun = body.add_special_tokens !== false && addsBos && bosId !== undefined && ids[0] !== bosId;
  const tokens = isBegun ? [bosId, ...ids] : ids;
  return { tokens, count: tokens.length, max_model_len: session.context };
}

export async function detokenize({ tokens }: DetokenizeBody, { model }: LoadedModel): Promise<object> {
  const tokenizer = await model.tokenizer();
  const stranger = tokens.find((id) => tokenizer.tokenOf(id) === undefined);
  if (stranger !== undefined)
    throw badField("tokens", `the token id ${stranger}`, `ids of the tokenizer's ${tokenizer.vocabSize} tokens`);
  return { prompt: tokenizer.decode(tokens) };
}

/** The special tokens and the chat template; null for what the model does not have. */
export async function tokenizerInfo({ model }: LoadedModel): Promise<object> {
  const tokenizer = await model.tokenizer();
  const { bosId, eosId, vocabSize, addsBos } = tokenizer;
  const end = eosId ?? model.config.eosIds[0];
  const spelled = (id: number | undefined) => (id === undefined ? null : (tokenizer.tokenOf(id) ?? null));
  return {
    ...{ bos_token: spelled(bosId), eos_token: spelled(end), pad_token: spelled(end) },
    ...{ add_bos_token: addsBos, vocab_size: vocabSize, chat_template: await templateSource(model) },
  };
}

/** The source of the model's chat template; null for a model without one. */
export async function templateSource(model: LoadedModel["model"]): Promise<string | null> {
  try {
    return (await model.chatTemplate()).source ?? null;
  } catch (error) {
    if (error instanceof FileError) return null;
    throw error;
  }
}
