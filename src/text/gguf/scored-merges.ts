/**
 * Merges of a SentencePiece vocabulary, which has scores instead: of the pairs of neighbours that make a token, the one whose token
 * has the highest score is put together first, of equal scores the leftmost.
 */

import { UnsupportedError } from "../../base/errors.ts";

/** Pairs with their results' place in the order of scores. */
export interface ScoredMerges {
  readonly merges: readonly (readonly [string, string])[];
  /** A number for each merge: the lower, the earlier. Merges of equal scores have the same one. */
  readonly ranks: readonly number[];
}

/** Limit on the places at which all tokens together can be cut; the largest vocabularies known have 2 million. */
const MAX_CUTS = 8_000_000;

/**
 * @param scores of the tokens, by id.
 * @throws UnsupportedError for more text in the vocabulary than any model has.
 */
export function scoredMerges(ids: ReadonlyMap<string, number>, scores: ArrayLike<number>, where: string): ScoredMerges {
  let cuts = 0;
  for (const token of ids.keys()) cuts += token.length;
  if (cuts > MAX_CUTS)
    throw new UnsupportedError(where, `tokens of ${cuts} characters in all`, [`at most ${MAX_CUTS}`]);
  const found: { readonly pair: readonly [string, string]; readonly score: number; readonly id: number }[] = [];
  for (const [token, id] of ids) {
    for (let at = 1; at < token.length; at++) {
      if (isLowSurrogate(token.charCodeAt(at))) continue;
      const pair = [token.slice(0, at), token.slice(at)] as const;
      if (ids.has(pair[0]) && ids.has(pair[1])) found.push({ pair, score: scores[id], id });
    }
  }
  found.sort((a, b) => b.score - a.score || a.id - b.id || b.pair[0].length - a.pair[0].length);
  const ranks: number[] = [];
  found.forEach(({ score }, i) => void ranks.push(i > 0 && score === found[i - 1].score ? ranks[i - 1] : i));
  return { merges: found.map(({ pair }) => pair), ranks };
}

function isLowSurrogate(unit: number): boolean {
  return unit >= 0xdc00 && unit < 0xe000;
}
