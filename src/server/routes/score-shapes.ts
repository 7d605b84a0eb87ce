/** Log-probabilities in the shapes of the two endpoints. */
import type { Tokenizer } from "../../text/tokenizer.ts";
import type { ScoredToken } from "../engine/row-scores.ts";
import { tokenBytes, tokenText } from "../engine/token-texts.ts";

/** `logprobs` of a completion: a list each, one entry a token. */
export interface CompletionScores {
  readonly tokens: readonly string[];
  readonly token_logprobs: readonly (number | null)[];
  readonly top_logprobs: readonly (Readonly<Record<string, number>> | null)[];
  readonly text_offset: readonly number[];
}

/** @param from characters before the first token. */
export function completionScores(
  tokenizer: Tokenizer | undefined,
  scores: readonly ScoredToken[],
  from: number,
): CompletionScores {
  const tokens = scores.map(({ id }) => tokenText(tokenizer, id));
  let offset = from;
  const offsets = tokens.map((text) => {
    const at = offset;
    offset += text.length;
    return at;
  });
  return {
    tokens,
    token_logprobs: scores.map(({ logProb }) => logProb),
    top_logprobs: scores.map((score) => topTable(tokenizer, score)),
    text_offset: offsets,
  };
}

/** The likeliest tokens and the token itself, by their texts; those of one text have keys that tell them apart. */
function topTable(tokenizer: Tokenizer | undefined, { id, logProb, top }: ScoredToken): Record<string, number> | null {
  if (logProb === null) return null;
  const all = top.some((each) => each.id === id) ? top : [...top, { id, logProb }];
  const table: Record<string, number> = Object.create(null) as Record<string, number>;
  for (const each of all) {
    const text = tokenText(tokenizer, each.id);
    table[Object.hasOwn(table, text) ? `${text} (token_id:${each.id})` : text] = each.logProb;
  }
  return table;
}

interface ChatScore {
  readonly token: string;
  readonly logprob: number | null;
  readonly bytes: readonly number[] | null;
}

/** `logprobs` of a message. */
export interface ChatScores {
  readonly content: readonly (ChatScore & { readonly top_logprobs: readonly ChatScore[] })[];
  readonly refusal: null;
}

export function chatScores(tokenizer: Tokenizer | undefined, scores: readonly ScoredToken[]): ChatScores {
  const shape = ({ id, logProb }: { readonly id: number; readonly logProb: number | null }) => {
    return { token: tokenText(tokenizer, id), logprob: logProb, bytes: tokenBytes(tokenizer, id) };
  };
  return { content: scores.map((score) => ({ ...shape(score), top_logprobs: score.top.map(shape) })), refusal: null };
}
