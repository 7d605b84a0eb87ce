/**
 * Refuses patterns of tokenizers that may take exponential time, before any text is matched. A repeat is accepted if nothing after
 * it can fail, or if at each place inside of it one character decides how the match goes on: the time then grows with the square of
 * the text at most.
 */
import { FormatError, UnsupportedError } from "../../base/errors.ts";
import { libraryPattern } from "../parts/tokenizers-library.ts";

const MAX_LENGTH = 10_000;
const MAX_DEPTH = 50;
/** Limit on the choices of a pattern: each doubles the number of ways to try. */
const MAX_CHOICES = 16;
/** A repeat that is counted beyond this is treated as an endless one. */
const MAX_COPIES = 8;
/** Limit on the pairs of characters of a pattern that are compared with each other. */
const MAX_COMPARED = 10_000;
/** Made when a pattern is first compared. */
let mostCharacters: string | undefined;

/** A part of a pattern. A place is the number of one of the pattern's characters. */
interface Part {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly mayBeEmpty: boolean;
  readonly canFail: boolean;
  readonly choices: number;
  /** Places that repeat without end. */
  readonly loops: readonly number[];
  /** Why the part can match one text in very many ways, if it can. That is harmless as long as nothing after the part can fail. */
  readonly fault: string | undefined;
}

const NOTHING: Part = {
  first: [],
  last: [],
  mayBeEmpty: true,
  canFail: false,
  choices: 0,
  loops: [],
  fault: undefined,
};

/**
 * The pattern as the library runs it.
 * @throws FormatError for a text that is not a regular expression, UnsupportedError for a pattern that may hang.
 */
export function compileTokenizerPattern(source: string, where: string): RegExp {
  const shown = JSON.stringify(source.length > 60 ? `${source.slice(0, 57)}...` : source);
  if (source.length > MAX_LENGTH)
    throw new FormatError(where, `found a pattern of ${source.length} characters, expected at most ${MAX_LENGTH}`);
  let compiled: RegExp;
  try {
    compiled = libraryPattern(source);
    // Some engines find out only here that the pattern is too large.
    compiled.test("");
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new FormatError(where, `found the pattern ${shown}, expected a regular expression: ${problem.slice(0, 200)}`);
  }
  const problem = new Guard(compiled.source).problem();
  if (problem === undefined) return compiled;
  throw new UnsupportedError(where, `the pattern ${shown}, which ${problem}`, ["patterns of bounded time"]);
}

const SHARED = "repeats the same characters twice in a row before something else";
const EMPTY = "repeats what may be empty before something else";
const UNDECIDED = "can take the same characters in more than one way again and again";

class Refusal extends Error {}

/** Reads a pattern in the form that the library has rewritten for JavaScript. */
class Guard {
  readonly #source: string;
  #at = 0;
  #depth = 0;
  #compared = 0;
  readonly #places: string[] = [];
  readonly #follow: number[][] = [];
  readonly #known = new Map<string, boolean>();

  constructor(source: string) {
    this.#source = source;
  }

  problem(): string | undefined {
    try {
      const { choices } = this.#alternatives();
      return choices > MAX_CHOICES ? "has too many choices in a row" : undefined;
    } catch (error) {
      if (error instanceof Refusal) return error.message;
      throw error;
    }
  }

  #alternatives(): Part {
    if (++this.#depth > MAX_DEPTH) throw new Refusal(`nests groups more than ${MAX_DEPTH} deep`);
    const parts = [this.#sequence()];
    while (this.#takes("|")) parts.push(this.#sequence());
    this.#depth--;
    return {
      first: parts.flatMap(({ first }) => first),
      last: parts.flatMap(({ last }) => last),
      mayBeEmpty: parts.some(({ mayBeEmpty }) => mayBeEmpty),
      canFail: parts.every(({ canFail }) => canFail),
      choices: bitsOf(parts.length - 1) + Math.max(...parts.map(({ choices }) => choices)),
      loops: parts.flatMap(({ loops }) => loops),
      fault: parts.find(({ fault }) => fault !== undefined)?.fault,
    };
  }

  #sequence(): Part {
    let whole = NOTHING;
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]))
      whole = this.#join(whole, this.#repeated());
    return whole;
  }

  #join(before: Part, after: Part): Part {
    if (before.fault !== undefined && after.canFail) throw new Refusal(before.fault);
    for (const place of before.last) this.#follow[place].push(...after.first);
    // A character that neither of two endless repeats can take keeps them apart.
    const apart = !after.mayBeEmpty && after.loops.length === 0;
    const open = apart
      ? before.loops.filter((loop) => after.first.some((place) => this.#overlap(loop, place)))
      : before.loops;
    const isShared = open.some((a) => after.loops.some((b) => this.#overlap(a, b)));
    return {
      first: before.mayBeEmpty ? [...before.first, ...after.first] : before.first,
      last: after.mayBeEmpty ? [...before.last, ...after.last] : after.last,
      mayBeEmpty: before.mayBeEmpty && after.mayBeEmpty,
      canFail: before.canFail || after.canFail,
      choices: before.choices + after.choices,
      loops: [...open, ...after.loops],
      fault: before.fault ?? after.fault ?? (isShared ? SHARED : undefined),
    };
  }

  #repeated(): Part {
    const start = this.#places.length;
    const from = this.#at;
    const part = this.#atom();
    const isCharacter = this.#source[from] !== "(";
    const text = this.#source.slice(from, this.#at);
    const found = /^(?:[*+?]|\{(\d+)(,?)(\d*)\})\??/.exec(this.#source.slice(this.#at, this.#at + 40));
    if (found === null) return part;
    this.#at += found[0].length;
    const sign = found[0][0];
    const least = sign === "{" ? Number(found[1]) : sign === "+" ? 1 : 0;
    const most = sign === "?" ? 1 : sign !== "{" || (found[2] && !found[3]) ? Infinity : Number(found[3] || least);
    if (part.first.length === 0) return { ...NOTHING, canFail: part.canFail && least > 0 };
    if (most <= 1) return { ...part, ...this.#optional(part, least), choices: part.choices + 1 - least };
    if (isCharacter && most <= MAX_COPIES) return this.#copies(part, text, least, most);
    return this.#loop(part, start, least, isCharacter);
  }

  #copies(part: Part, text: string, least: number, most: number): Part {
    let whole = { ...part, ...this.#optional(part, least) };
    for (let i = 1; i < most; i++)
      whole = this.#join(whole, { ...this.#place(text), mayBeEmpty: i >= least, canFail: i < least });
    return { ...whole, choices: bitsOf(most - least) };
  }

  #loop(part: Part, start: number, least: number, isCharacter: boolean): Part {
    const places = this.#places.map((_, place) => place).slice(start);
    if (part.fault !== undefined) throw new Refusal(part.fault);
    for (const place of part.last) this.#follow[place].push(...part.first);
    const isClear = isCharacter || [part.first, ...places.map((place) => this.#follow[place])].every(this.#isDecided);
    const fault = part.mayBeEmpty ? EMPTY : isClear ? undefined : UNDECIDED;
    return { ...part, ...this.#optional(part, least), choices: 0, loops: places, fault };
  }

  #optional({ mayBeEmpty, canFail }: Part, least: number): Pick<Part, "mayBeEmpty" | "canFail"> {
    return { mayBeEmpty: mayBeEmpty || least === 0, canFail: canFail && least > 0 };
  }

  /** Whether the next character decides which of the places comes next. */
  readonly #isDecided = (next: readonly number[]): boolean =>
    !next.some((a, i) => next.some((b, j) => i < j && this.#overlap(a, b)));

  #atom(): Part {
    const rest = this.#source.slice(this.#at, this.#at + 80);
    const group = /^\((?:\?(?:[:=!]|<[=!]|<\w+>))?/.exec(rest)?.[0];
    if (group === undefined) return this.#place(this.#character());
    this.#at += group.length;
    const inner = this.#alternatives();
    if (!this.#takes(")")) throw new Refusal("has a group without an end");
    // A lookbehind is matched from its end to its start.
    if (group.startsWith("(?<") && inner.fault !== undefined) throw new Refusal(inner.fault);
    return /[=!]$/.test(group) ? { ...NOTHING, canFail: true, choices: inner.choices } : inner;
  }

  #place(character: string): Part {
    const place = this.#places.push(character) - 1;
    this.#follow.push([]);
    return { ...NOTHING, first: [place], last: [place], mayBeEmpty: false, canFail: true };
  }

  #character(): string {
    const sticky = /\\[pPu]\{[^}]*\}|\\x..|\\u....|\\c.|\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[\s\S]/uy;
    sticky.lastIndex = this.#at;
    const character = sticky.exec(this.#source)![0];
    if (/^\\[1-9k]/.test(character)) throw new Refusal("refers back to a group");
    this.#at += character.length;
    return character;
  }

  #takes(sign: string): boolean {
    if (this.#source[this.#at] !== sign) return false;
    this.#at++;
    return true;
  }

  #overlap(a: number, b: number): boolean {
    if (++this.#compared > MAX_COMPARED) throw new Refusal("has too many choices to check");
    const both = `(?=${this.#places[a]})${this.#places[b]}`;
    const known = this.#known.get(both);
    if (known !== undefined) return known;
    const answer = this.#places[a] === this.#places[b] || new RegExp(both, "u").test(samples() + this.#source);
    this.#known.set(both, answer);
    return answer;
  }
}

/** The number of bits of a number: its logarithm, rounded up. */
function bitsOf(count: number): number {
  return 32 - Math.clz32(count);
}

/** A sample of every script and category that a pattern may tell apart: all low characters, and some of the others. */
function samples(): string {
  mostCharacters ??= sampleOfUnicode();
  return mostCharacters;
}

function sampleOfUnicode(): string {
  const characters: string[] = [];
  for (let code = 0; code < 0x110000; code += code < 0x3000 ? 1 : 61)
    if (code < 0xd800 || code > 0xdfff) characters.push(String.fromCodePoint(code));
  return characters.join("");
}
