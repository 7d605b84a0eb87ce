/** Reads the vocabulary of a GGUF file: tokens, their types, and the ids with a meaning. */
import { FormatError } from "../../base/errors.ts";
import type { GgufTextSource } from "./gguf-text-source.ts";

/** An entry of `added_tokens`: text that is a token wherever it stands. */
export interface GgufAddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
}

export interface GgufVocabulary {
  /** By id. */
  readonly tokens: readonly string[];
  readonly ids: ReadonlyMap<string, number>;
  readonly added: readonly GgufAddedToken[];
  readonly bosId: number | undefined;
  readonly eosId: number | undefined;
  readonly unkId: number | undefined;
  readonly padId: number | undefined;
  /** Ids that end a turn or a message. */
  readonly endIds: readonly number[];
}

/** Values of `tokenizer.ggml.token_type`. */
const TYPES = { unknown: 2, control: 3, userDefined: 4 } as const;
const NO_TOKENS = "tokenizer.ggml.tokens";

/** @param isSentencePiece whether the ids that SentencePiece uses by default hold where the file names none. */
export function readGgufVocabulary(metadata: GgufTextSource, isSentencePiece: boolean): GgufVocabulary {
  const tokens = tokensOf(metadata);
  const ids = new Map<string, number>();
  tokens.forEach((token, id) => {
    const known = ids.get(token);
    if (known !== undefined)
      throw new FormatError(
        `${metadata.where}: ${NO_TOKENS}`,
        `found ${JSON.stringify(token.slice(0, 60))} as ${known} and as ${id}, expected each token once`,
      );
    ids.set(token, id);
  });
  const types = numbersOf(metadata, "tokenizer.ggml.token_type", tokens.length);
  const idOf = (name: string, fallback?: number) => {
    const id = metadata.number(`tokenizer.ggml.${name}_token_id`) ?? fallback;
    return id !== undefined && Number.isInteger(id) && id >= 0 && id < tokens.length ? id : undefined;
  };
  const ends = [idOf("eot"), idOf("eom")].filter((id) => id !== undefined);
  const usual = isSentencePiece ? [1, 2, 0] : [];
  return {
    ...{ tokens, ids, added: addedTokens(tokens, types), endIds: ends },
    ...{
      bosId: idOf("bos", usual[0]),
      eosId: idOf("eos", usual[1]),
      unkId: idOf("unknown", usual[2]),
      padId: idOf("padding"),
    },
  };
}

function tokensOf(metadata: GgufTextSource): readonly string[] {
  const tokens = metadata.texts(NO_TOKENS) ?? [];
  if (tokens.length === 0)
    throw new FormatError(`${metadata.where}: ${NO_TOKENS}`, "found none, expected the vocabulary");
  return tokens.map((token, id) => (token === "" ? `[EMPTY_${id}]` : token));
}

/** Numbers for all tokens; undefined where the file has none. */
export function numbersOf(metadata: GgufTextSource, key: string, count: number): ArrayLike<number> | undefined {
  const numbers = metadata.numbers(key);
  if (numbers === undefined || numbers.length >= count) return numbers;
  throw new FormatError(
    `${metadata.where}: ${key}`,
    `found ${numbers.length} numbers, expected one for each of ${count} tokens`,
  );
}

function addedTokens(tokens: readonly string[], types: ArrayLike<number> | undefined): GgufAddedToken[] {
  const added: GgufAddedToken[] = [];
  tokens.forEach((content, id) => {
    const type = types?.[id];
    const special = type === TYPES.control || type === TYPES.unknown;
    if (special || type === TYPES.userDefined) added.push({ id, content, special });
  });
  return added;
}

/** `added_tokens` of tokenizer.json. */
export function addedTokensJson(added: readonly GgufAddedToken[]): readonly Readonly<Record<string, unknown>>[] {
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  return added.map(({ id, content, special }) => ({ id, content, ...plain, special }));
}

/** `model.vocab` of tokenizer.json; without a prototype, since a token may be called `__proto__`. */
export function vocabJson(ids: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  const vocab: Record<string, number> = Object.create(null);
  for (const [token, id] of ids) vocab[token] = id;
  return vocab;
}
