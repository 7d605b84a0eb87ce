/** Finds added tokens (special ones and others) in a text, leftmost and longest first, before anything else looks at it. */

/** An entry of `added_tokens` in `tokenizer.json`. */
export interface AddedToken {
  readonly id: number;
  readonly content: string;
  readonly special: boolean;
  readonly normalized: boolean;
  readonly singleWord: boolean;
  readonly lstrip: boolean;
  readonly rstrip: boolean;
}

/** A piece of a text: an added token (`token` is set), or the text between two. */
export interface Section {
  readonly start: number;
  readonly text: string;
  readonly token: AddedToken | undefined;
}

/** The text to look for and the token that it stands for; `content` may be the normalised form of `token.content`. */
export interface Needle {
  readonly content: string;
  readonly token: AddedToken;
}

/** Yields sections from left to right, and `undefined` at places for a pause. */
export type Splitter = (text: string, skipSpecial: boolean) => Iterable<Section | undefined>;

const STEPS_BETWEEN_PAUSES = 200_000;

const WORD_AT_END = /[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]$/u;
const WORD_AT_START = /^[\p{Alphabetic}\p{M}\p{Nd}\p{Pc}\u200c\u200d]/u;
const SPACE = /\p{White_Space}/u;

/** With `skipSpecial`, tokens marked special are plain text. */
export function createSplitter(needles: readonly Needle[]): Splitter {
  const byFirstUnit = new Map<number, Needle[]>();
  const longestFirst = needles.filter((needle) => needle.content !== "");
  for (const needle of longestFirst.sort((a, b) => b.content.length - a.content.length)) {
    const unit = needle.content.charCodeAt(0);
    const bucket = byFirstUnit.get(unit);
    if (bucket === undefined) byFirstUnit.set(unit, [needle]);
    else bucket.push(needle);
  }
  return (text, skipSpecial) => splitAtTokens(text, byFirstUnit, skipSpecial);
}

function* splitAtTokens(
  text: string,
  needles: ReadonlyMap<number, Needle[]>,
  skipSpecial: boolean,
): Generator<Section | undefined, void> {
  let done = 0;
  for (let at = 0, steps = 1; needles.size > 0 && at < text.length; steps++) {
    if (steps % STEPS_BETWEEN_PAUSES === 0) yield undefined;
    const found = needles.get(text.charCodeAt(at))?.find((needle) => text.startsWith(needle.content, at));
    if (found === undefined) {
      at++;
      continue;
    }
    let start = at;
    let end = at + found.content.length;
    at = end;
    const { token } = found;
    if ((skipSpecial && token.special) || (token.singleWord && isInsideWord(text, start, end))) continue;
    if (token.lstrip) while (start > done && SPACE.test(text[start - 1])) start--;
    if (token.rstrip) while (end < text.length && SPACE.test(text[end])) end++;
    if (start > done) yield { start: done, text: text.slice(done, start), token: undefined };
    yield { start, text: text.slice(start, end), token };
    // As in the original, the next token may begin among the spaces that this one has taken.
    done = end;
  }
  if (done < text.length) yield { start: done, text: text.slice(done), token: undefined };
}

function isInsideWord(text: string, start: number, end: number): boolean {
  return WORD_AT_END.test(text.slice(Math.max(0, start - 2), start)) || WORD_AT_START.test(text.slice(end, end + 2));
}
