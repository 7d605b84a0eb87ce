/**
 * Regular expressions from files nobody vouches for, matched at the start of a name, in time that no pattern can blow up.
 *
 * The syntax is what PCRE and JavaScript share and checkpoints use: literals, escapes (\. \d \w \s \D \W \S), classes, `.`,
 * groups, `|`, `* + ? {m,n}` (lazy or not: it makes no difference to whether there is a match), `^`, `$`, lookahead. Refused:
 * backreferences, lookbehind, named and atomic groups, possessive quantifiers, inline flags, \b.
 *
 * The pattern becomes a graph and all its paths are followed at once (Thompson 1968), so a match costs at most
 * states x characters; lookahead adds one factor of characters. Many patterns against many names share a `MatchBudget`.
 */

import { UnsupportedError } from "../base/errors.ts";

const MAX_CHARACTERS = 20_000;
/** An alternation of 512 expert ids has about 2500. */
const MAX_STATES = 5_000;
const MAX_DEPTH = 50;

type Test = (code: number) => boolean;
type State =
  | { readonly kind: "match" }
  | { readonly kind: "split"; readonly next: number[] }
  | { readonly kind: "read"; readonly test: Test; next: number }
  | { readonly kind: "start" | "end"; next: number }
  | { readonly kind: "look"; readonly entry: number; readonly wanted: boolean; next: number };

export interface Pattern {
  readonly source: string;
  /** The file and the field that it was written in. */
  readonly where: string;
  /** Every match begins with it: most names are settled by this alone. */
  readonly prefix: string;
  readonly states: readonly State[];
  readonly entry: number;
}

export function compilePattern(source: string, where: string): Pattern {
  if (source.length > MAX_CHARACTERS)
    throw new UnsupportedError(where, `a pattern of ${source.length} characters`, [`at most ${MAX_CHARACTERS}`]);
  const compiler = new Compiler(source, where);
  const entry = compiler.compile();
  return { source, where, prefix: literalPrefix(source), states: compiler.states, entry };
}

/** Steps that matches may still take together: what bounds the time of many patterns against many names. */
export class MatchBudget {
  #left: number;
  readonly #all: number;

  constructor(steps: number) {
    this.#left = steps;
    this.#all = steps;
  }

  /** @throws UnsupportedError naming the pattern that took the last of them. */
  spend(steps: number, { where, source }: Pattern): void {
    this.#left -= steps;
    if (this.#left < 0)
      throw new UnsupportedError(where, `patterns of more than ${this.#all} steps, the last of them ${shown(source)}`, [
        "rules that are quicker to match against the model's names, such as ones without lookahead",
      ]);
  }
}

/** Whether the pattern matches some beginning of the name, as Python's `re.match` would say. */
export function matchesStart(pattern: Pattern, name: string, budget?: MatchBudget): boolean {
  budget?.spend(1, pattern);
  return name.startsWith(pattern.prefix) && run({ pattern, name, budget }, pattern.entry, 0);
}

function shown(source: string): string {
  return source.length > 80 ? `${source.slice(0, 77)}...` : source;
}

interface Match {
  readonly pattern: Pattern;
  readonly name: string;
  readonly budget: MatchBudget | undefined;
}

/** The characters that stand before anything special, without the one that a quantifier may take back. */
function literalPrefix(source: string): string {
  const body = source.startsWith("^") ? source.slice(1) : source;
  if (body.includes("|") && !isOneBranch(body)) return "";
  const literal = /^(?:[\w-]|\\[^\w])*/.exec(body)![0];
  const optional = /^[*?{]/.test(body.slice(literal.length));
  return (optional ? literal.replace(/(?:\\[\s\S]|[^\\])$/, "") : literal).replace(/\\([\s\S])/g, "$1");
}

/** No `|` outside of groups and classes. */
function isOneBranch(body: string): boolean {
  let depth = 0;
  for (const token of body.match(/\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[\s\S]/g) ?? []) {
    if (token === "(") depth++;
    else if (token === ")") depth--;
    else if (token === "|" && depth === 0) return false;
  }
  return true;
}

function run(match: Match, entry: number, from: number): boolean {
  const { pattern, name, budget } = match;
  const { states } = pattern;
  const seen = new Int32Array(states.length).fill(-1);
  budget?.spend(states.length / 16, pattern);
  /** Adds the states that follow the character at `at` to `into`; true at the end of the pattern. */
  const follow = (first: number, at: number, into: number[]): boolean => {
    const code = name.charCodeAt(at); // NaN at the end of the name, which no test may take
    const open = [first];
    let steps = 0;
    while (open.length > 0) {
      const index = open.pop()!;
      if (seen[index] === at) continue;
      seen[index] = at;
      steps++;
      const state = states[index];
      if (state.kind === "match") return true;
      if (state.kind === "read") {
        if (at < name.length && state.test(code)) into.push(state.next);
      } else if (state.kind === "split") open.push(...state.next);
      else if (holds(match, state, at)) open.push(state.next);
    }
    budget?.spend(steps, pattern);
    return false;
  };
  let current = [entry];
  for (let at = from; current.length > 0; at++) {
    const next: number[] = [];
    for (const state of current) if (follow(state, at, next)) return true;
    current = next;
  }
  return false;
}

function holds(match: Match, state: State, at: number): boolean {
  if (state.kind === "start") return at === 0;
  if (state.kind === "end") return at === match.name.length;
  return state.kind === "look" && run(match, state.entry, at) === state.wanted;
}

const isDigit: Test = (code) => code >= 48 && code <= 57;
const isWord: Test = (code) =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
const isSpace: Test = (code) => code === 32 || (code >= 9 && code <= 13);
const CLASSES: Readonly<Record<string, Test>> = {
  d: isDigit,
  w: isWord,
  s: isSpace,
  D: (code) => !isDigit(code),
  W: (code) => !isWord(code),
  S: (code) => !isSpace(code),
};

/** Builds the graph from its end: each part is given the state that follows it, so nothing needs patching but loops. */
class Compiler {
  readonly states: State[] = [{ kind: "match" }];
  readonly #source: string;
  readonly #where: string;
  #at = 0;
  #repeats = 0;

  constructor(source: string, where: string) {
    this.#source = source;
    this.#where = where;
  }

  compile(): number {
    const build = this.#alternatives(0);
    if (this.#at < this.#source.length) throw this.#refuse("an unmatched )");
    return build(0);
  }

  #alternatives(depth: number): Build {
    if (depth > MAX_DEPTH) throw this.#refuse(`more than ${MAX_DEPTH} nested groups`);
    const branches = [this.#sequence(depth)];
    while (this.#take("|")) branches.push(this.#sequence(depth));
    if (branches.length === 1) return branches[0];
    return (next) => this.#add({ kind: "split", next: branches.map((branch) => branch(next)) });
  }

  #sequence(depth: number): Build {
    const parts: Build[] = [];
    while (this.#at < this.#source.length && !"|)".includes(this.#source[this.#at]))
      parts.push(this.#quantified(depth));
    return (next) => parts.reduceRight((after, part) => part(after), next);
  }

  #quantified(depth: number): Build {
    const part = this.#atom(depth);
    const match = /^(?:[*+?]|\{(\d{1,4})(,(\d{1,4})?)?\})/.exec(this.#source.slice(this.#at, this.#at + 12));
    if (match === null) return part;
    this.#at += match[0].length;
    this.#take("?");
    if (/^[*+?{]/.test(this.#source.slice(this.#at))) throw this.#refuse("a quantifier of a quantifier");
    const sign = match[0][0];
    const least = sign === "{" ? Number(match[1]) : sign === "+" ? 1 : 0;
    const most =
      sign === "{" ? (match[2] ? (match[3] ? Number(match[3]) : undefined) : least) : sign === "?" ? 1 : undefined;
    if (most !== undefined && most < least) throw this.#refuse("a range that ends before it begins");
    return (next) => this.#repeat(part, least, most, next);
  }

  #repeat(part: Build, least: number, most: number | undefined, next: number): number {
    let after = next;
    if (most === undefined) {
      const loop: State & { kind: "split" } = { kind: "split", next: [next] };
      after = this.#add(loop);
      loop.next.push(part(after));
    } else
      for (let count = least; count < most; count++) after = this.#add({ kind: "split", next: [part(after), next] });
    for (let count = 0; count < least; count++) {
      after = part(after);
      // A part may be empty: repeating it must count too.
      if (++this.#repeats > MAX_STATES) throw this.#refuse(`more than ${MAX_STATES} states`);
    }
    return after;
  }

  #atom(depth: number): Build {
    const character = this.#source[this.#at++];
    if (character === "(") return this.#group(depth);
    if (character === "[") return this.#read(this.#class());
    if (character === ".") return this.#read((code) => code !== 10);
    if (character === "^") return (next) => this.#add({ kind: "start", next });
    if (character === "$") return (next) => this.#add({ kind: "end", next });
    if (character === "\\") return this.#read(this.#escape());
    if ("*+?{".includes(character)) throw this.#refuse(`"${character}" with nothing to repeat`);
    return this.#literal(character);
  }

  #group(depth: number): Build {
    let look: boolean | undefined;
    if (this.#take("?")) {
      const kind = this.#source[this.#at++];
      if (kind === "=" || kind === "!") look = kind === "=";
      else if (kind !== ":") throw this.#refuse(`the group (?${kind ?? ""}`);
    }
    const inner = this.#alternatives(depth + 1);
    if (!this.#take(")")) throw this.#refuse("a group that does not end");
    if (look === undefined) return inner;
    // Each further level would add a factor of characters to the time.
    if (depth > 0) throw this.#refuse("a lookahead inside a group");
    const wanted = look;
    return (next) => this.#add({ kind: "look", entry: inner(0), wanted, next });
  }

  #class(): Test {
    const negated = this.#take("^");
    const tests: Test[] = [];
    while (this.#source[this.#at] !== "]" || tests.length === 0) {
      if (this.#at >= this.#source.length) throw this.#refuse("a class that does not end");
      tests.push(this.#classItem());
    }
    this.#at++;
    return (code) => tests.some((test) => test(code)) !== negated;
  }

  #classItem(): Test {
    const low = this.#source[this.#at++];
    if (low === "\\") {
      const test = this.#escape();
      if (/^-[^\]]/.test(this.#source.slice(this.#at))) throw this.#refuse("a range from an escape");
      return test;
    }
    // PCRE and JavaScript read these differently.
    if (low === "[" || low === "]") throw this.#refuse(`"${low}" inside a class`);
    const first = low.charCodeAt(0);
    if (this.#source[this.#at] !== "-" || this.#source[this.#at + 1] === "]") return (code) => code === first;
    const high = this.#source[this.#at + 1];
    if (high === undefined || high === "\\" || high < low) throw this.#refuse("a range in a class that has no order");
    this.#at += 2;
    const last = high.charCodeAt(0);
    return (code) => code >= first && code <= last;
  }

  #escape(): Test {
    const letter = this.#source[this.#at++];
    if (letter === undefined) throw this.#refuse("a \\ at the end");
    const known = CLASSES[letter];
    if (known !== undefined) return known;
    if (/\w/.test(letter)) throw this.#refuse(`\\${letter}`);
    const literal = letter.charCodeAt(0);
    return (code) => code === literal;
  }

  #literal(character: string): Build {
    const literal = character.charCodeAt(0);
    return this.#read((code) => code === literal);
  }

  #read(test: Test): Build {
    return (next) => this.#add({ kind: "read", test, next });
  }

  #add(state: State): number {
    if (this.states.length >= MAX_STATES) throw this.#refuse(`more than ${MAX_STATES} states`);
    return this.states.push(state) - 1;
  }

  #take(character: string): boolean {
    if (this.#source[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #refuse(problem: string): UnsupportedError {
    return new UnsupportedError(this.#where, `${problem} in the pattern ${shown(this.#source)}`, [
      "literals, classes, groups, |, * + ? {m,n}, ^, $ and lookahead",
    ]);
  }
}

/** Adds the states of a part in front of the state `next` and gives the first of them. */
type Build = (next: number) => number;
