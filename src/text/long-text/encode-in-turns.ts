/** Runs the library's steps piece by piece with pauses, so that a long text does not block the event loop. The results are the same. */
import type { LibraryNormalizer, LibraryPreTokenizer } from "../parts/tokenizers-library.ts";

/** No pattern takes long in texts that are shorter. */
const LONG_TEXT = 4096;
const ATTEMPTS_BETWEEN_PAUSES = 64;

interface Match {
  readonly start: number;
  readonly end: number;
}

/** Yields the normalised text, and `undefined` at places for a pause. */
export function* normalizeInTurns(step: LibraryNormalizer | null, text: string): Generator<undefined, string> {
  if (step === null) return text;
  if (step.normalizers !== undefined) {
    let normal = text;
    for (const part of step.normalizers) normal = yield* normalizeInTurns(part, normal);
    return normal;
  }
  if (step.config.type !== "Replace") return step(text);
  const parts: string[] = [];
  let done = 0;
  for (const match of matchesOf(text, step.pattern!)) {
    if (match === undefined) yield match;
    else {
      parts.push(text.slice(done, match.start), step.config.content!);
      done = match.end;
    }
  }
  return parts.join("") + text.slice(done);
}

/** The steps of a pre-tokenizer, with those of nested sequences one after the other. */
export function stepsOf(step: LibraryPreTokenizer | null): LibraryPreTokenizer[] {
  if (step === null) return [];
  return step.tokenizers?.flatMap(stepsOf) ?? [step];
}

/** Yields the pieces of a text, and `undefined` at places for a pause. `index` is 0 for the beginning of a whole text. */
export function* piecesOf(
  steps: readonly LibraryPreTokenizer[],
  text: string,
  index: number,
  from = 0,
): Generator<string | undefined, void> {
  const step = steps[from];
  if (step === undefined) {
    yield text;
    return;
  }
  const parts = step.config?.type === "Split" ? cut(text, step) : step(text, { section_index: index });
  let next = index;
  for (const part of parts) {
    if (part === undefined) yield part;
    else yield* piecesOf(steps, part, next === 0 && isStart(text, part, step) ? 0 : 1, from + 1);
    if (part !== undefined) next = 1;
  }
}

/** Whether a part counts as the beginning of the text: after a `Split` if the text begins with it; other steps may have changed the part. */
function isStart(text: string, part: string, step: LibraryPreTokenizer): boolean {
  return step.config?.type !== "Split" || text.startsWith(part);
}

function* cut(text: string, { pattern, config }: LibraryPreTokenizer): Generator<string | undefined, void> {
  const [keepsMatches, keepsRest] = config!.invert ? [true, false] : [config!.behavior !== "Removed", true];
  let done = 0;
  for (const match of matchesOf(text, pattern!)) {
    if (match === undefined) {
      yield match;
      continue;
    }
    if (keepsRest && match.start > done) yield text.slice(done, match.start);
    if (keepsMatches && match.end > match.start) yield text.slice(match.start, match.end);
    done = match.end;
  }
  if (keepsRest && done < text.length) yield text.slice(done);
}

/** The matches of a pattern, empty ones included. In a long text each place is tried by itself, so that a pause can stand between. */
function* matchesOf(text: string, pattern: RegExp): Generator<Match | undefined, void> {
  if (text.length <= LONG_TEXT) {
    for (const match of text.matchAll(pattern)) yield { start: match.index, end: match.index + match[0].length };
    return;
  }
  const here = new RegExp(pattern.source, "uy");
  for (let at = 0, attempts = 1; at <= text.length; attempts++) {
    if (attempts % ATTEMPTS_BETWEEN_PAUSES === 0) yield undefined;
    here.lastIndex = at;
    const found = here.exec(text);
    if (found !== null) yield { start: at, end: at + found[0].length };
    at += found !== null && found[0] !== "" ? found[0].length : text.codePointAt(at)! > 0xffff ? 2 : 1;
  }
}
