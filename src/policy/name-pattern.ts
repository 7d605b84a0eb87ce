/**
 * Regular expressions over module names, as plans write them, in time that no pattern can blow up.
 *
 * Every part of a pattern maps the set of positions where it may begin to the set of positions where it may end, so
 * nothing is ever tried twice: a match costs at most pattern x name^2. That bound needs loops that hold no loops, hence
 * nested quantifiers are refused. Over all names a pattern has a budget of such steps; a name that was asked before costs none. What is accepted means what it means in JavaScript; a match may lie anywhere in the name.
 */

import { UnsupportedError } from "../base/errors.ts";

export const MAX_PATTERN_CHARACTERS = 200;
const MAX_REPEATS = 20;
const MAX_DEPTH = 20;
/** About a second. */
const MAX_STEPS = 5_000_000;
const SYNTAX = ["literals", "\\d \\w \\s", "classes", "groups", "|", "* + ? {m,n} (not nested)", "^", "$"];

export type NamePattern = (name: string) => boolean;

/** Positions where a part may end, of those where it may begin. */
type Step = (name: string, starts: ReadonlySet<number>) => ReadonlySet<number>;

interface Part {
  readonly step: Step;
  /** Whether a quantifier stands in it. */
  readonly repeats: boolean;
}

interface Cursor {
  readonly source: string;
  at: number;
  readonly refuse: (problem: string) => UnsupportedError;
  /** Counts positions that were looked at. @throws UnsupportedError when all names together cost too much. */
  readonly spend: (steps: number) => void;
}

/** @throws UnsupportedError naming `where` and what in the pattern is not understood. */
export function compileNamePattern(source: string, where: string): NamePattern {
  if (source.length > MAX_PATTERN_CHARACTERS)
    throw new UnsupportedError(where, `a pattern of ${source.length} characters`, [
      `at most ${MAX_PATTERN_CHARACTERS} characters`,
    ]);
  const refuse = (problem: string) => new UnsupportedError(where, `${problem} in the pattern ${source}`, SYNTAX);
  let left = MAX_STEPS;
  const spend = (steps: number) => {
    left -= steps;
    if (left < 0) throw refuse(`more than ${MAX_STEPS} steps to match all names`);
  };
  const cursor: Cursor = { source, at: 0, refuse, spend };
  const { step } = alternatives(cursor, 0);
  if (cursor.at < source.length) throw refuse('a ")" without its "("');
  const known = new Map<string, boolean>();
  return (name) => {
    const found = known.get(name) ?? step(name, everyPosition(name)).size > 0;
    known.set(name, found);
    return found;
  };
}

function everyPosition(name: string): ReadonlySet<number> {
  return new Set(Array.from({ length: name.length + 1 }, (_, at) => at));
}

function alternatives(cursor: Cursor, depth: number): Part {
  if (depth > MAX_DEPTH) throw cursor.refuse(`groups nested more than ${MAX_DEPTH} deep`);
  const branches = [sequence(cursor, depth)];
  while (take(cursor, "|")) branches.push(sequence(cursor, depth));
  if (branches.length === 1) return branches[0];
  const step: Step = (name, starts) => {
    cursor.spend(branches.length * starts.size);
    return new Set(branches.flatMap((branch) => [...branch.step(name, starts)]));
  };
  return { step, repeats: branches.some((branch) => branch.repeats) };
}

function sequence(cursor: Cursor, depth: number): Part {
  const parts: Part[] = [];
  while (cursor.at < cursor.source.length && !"|)".includes(cursor.source[cursor.at]))
    parts.push(quantified(cursor, depth));
  const step: Step = (name, starts) => {
    let ends = starts;
    for (const part of parts) if (ends.size > 0) ends = part.step(name, ends);
    return ends;
  };
  return { step, repeats: parts.some((part) => part.repeats) };
}

function quantified(cursor: Cursor, depth: number): Part {
  const start = cursor.at;
  const part = atom(cursor, depth);
  const match = /^(?:[*+?]|\{(\d+)(,(\d*))?\})/.exec(cursor.source.slice(cursor.at));
  if (match === null) return part;
  if ("^$".includes(cursor.source[start])) throw cursor.refuse(`"${match[0]}" with nothing to repeat`);
  cursor.at += match[0].length;
  // A lazy quantifier finds the same names.
  take(cursor, "?");
  if (part.repeats || /^[*+?{]/.test(cursor.source.slice(cursor.at))) throw cursor.refuse("nested quantifiers");
  const [sign, least, comma, most] = [match[0], Number(match[1]), match[2], match[3]];
  if (sign === "*") return { step: repeat(part.step, 0, Number.POSITIVE_INFINITY), repeats: true };
  if (sign === "+") return { step: repeat(part.step, 1, Number.POSITIVE_INFINITY), repeats: true };
  if (sign === "?") return { step: repeat(part.step, 0, 1), repeats: true };
  const last = comma === undefined ? least : most === "" ? Number.POSITIVE_INFINITY : Number(most);
  if (last < least) throw cursor.refuse(`${sign}, which ends before it begins,`);
  if (least > MAX_REPEATS || (last > MAX_REPEATS && last !== Number.POSITIVE_INFINITY))
    throw cursor.refuse(`more than ${MAX_REPEATS} repeats`);
  return { step: repeat(part.step, least, last), repeats: true };
}

/** Required rounds take the whole set along; after them a position that was reached before adds nothing. */
function repeat(step: Step, least: number, most: number): Step {
  return (name, starts) => {
    let fresh = starts;
    for (let round = 0; round < least && fresh.size > 0; round++) fresh = step(name, fresh);
    const reached = new Set(fresh);
    for (let round = least; round < most && fresh.size > 0; round++) {
      fresh = new Set([...step(name, fresh)].filter((end) => !reached.has(end)));
      for (const end of fresh) reached.add(end);
    }
    return reached;
  };
}

function atom(cursor: Cursor, depth: number): Part {
  const { source, refuse } = cursor;
  if (take(cursor, "(")) {
    if (take(cursor, "?") && !take(cursor, ":")) throw refuse(`the group (?${source[cursor.at] ?? ""}`);
    const inner = alternatives(cursor, depth + 1);
    if (!take(cursor, ")")) throw refuse("a group that does not end");
    return inner;
  }
  if (take(cursor, "^")) return { step: (_, starts) => keep(starts, (at) => at === 0), repeats: false };
  if (take(cursor, "$")) return { step: (name, starts) => keep(starts, (at) => at === name.length), repeats: false };
  const token = /^(?:\\[\s\S]|\[(?:\\[\s\S]|[^\]\\])*\]|[^\\[*+?{])/.exec(source.slice(cursor.at))?.[0];
  if (token === undefined) throw refuse(`"${source[cursor.at]}" at character ${cursor.at + 1}`);
  cursor.at += token.length;
  return { step: character(token, cursor), repeats: false };
}

/** One character, a class, an escape or a dot: what JavaScript says about a single character costs nothing to ask. */
function character(token: string, cursor: Cursor): Step {
  const unknown = /\\(?![dwsDWS])\w/.exec(token.replace(/\\\W/g, ""));
  if (unknown !== null) throw cursor.refuse(unknown[0]);
  let single: RegExp;
  try {
    single = new RegExp(`^${token}$`);
  } catch {
    throw cursor.refuse(`the class ${token}`);
  }
  return (name, starts) => {
    cursor.spend(starts.size);
    const ends = new Set<number>();
    for (const at of starts) if (at < name.length && single.test(name[at])) ends.add(at + 1);
    return ends;
  };
}

function keep(positions: ReadonlySet<number>, wanted: (at: number) => boolean): ReadonlySet<number> {
  return new Set([...positions].filter(wanted));
}

function take(cursor: Cursor, character: string): boolean {
  if (cursor.source[cursor.at] !== character) return false;
  cursor.at++;
  return true;
}
