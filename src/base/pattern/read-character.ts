/** The parts of a pattern that take one character: literals, escapes, classes and the dot. */
import type { PatternDialect } from "./pattern-dialect.ts";
import type { CharacterTest, PatternNode } from "./pattern-node.ts";
import type { PatternReader } from "./pattern-reader.ts";

const isDigit: CharacterTest = (code) => code >= 48 && code <= 57;
const isWord: CharacterTest = (code) =>
  isDigit(code) || (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code === 95;
const LINE_ENDS: readonly number[] = [0x0a, 0x0d, 0x2028, 0x2029];

const SPACE: Readonly<Record<PatternDialect["characters"], CharacterTest>> = {
  common: (code) => code === 32 || (code >= 9 && code <= 13),
  javascript: (code) => /\s/.test(String.fromCharCode(code)),
};
const DOT: Readonly<Record<PatternDialect["characters"], CharacterTest>> = {
  common: (code) => code !== 0x0a,
  javascript: (code) => !LINE_ENDS.includes(code),
};

/** Reads one character's part of a pattern; the next character is no group, anchor or quantifier. */
export function readCharacter(reader: PatternReader): PatternNode {
  if (reader.take(".")) return { kind: "read", test: DOT[reader.dialect.characters] };
  if (reader.take("[")) return { kind: "read", test: readClass(reader) };
  const item = readItem(reader);
  return { kind: "read", test: testOf(item), literal: typeof item === "string" ? item : undefined };
}

/** A single character, or the test of an escape such as `\d`. */
type Item = string | CharacterTest;

function readItem(reader: PatternReader): Item {
  const character = reader.read() as string;
  if (character !== "\\") return character;
  const letter = reader.read();
  if (letter === undefined) throw reader.refuse("a \\ at the end");
  const known = escapedClass(letter.toLowerCase(), reader.dialect);
  if (known !== undefined) return letter === letter.toLowerCase() ? known : (code) => !known(code);
  if (/\w/.test(letter)) throw reader.refuse(`\\${letter}`);
  return letter;
}

function escapedClass(letter: string, { characters }: PatternDialect): CharacterTest | undefined {
  if (letter === "d") return isDigit;
  if (letter === "w") return isWord;
  return letter === "s" ? SPACE[characters] : undefined;
}

function testOf(item: Item): CharacterTest {
  if (typeof item !== "string") return item;
  const literal = item.charCodeAt(0);
  return (code) => code === literal;
}

function readClass(reader: PatternReader): CharacterTest {
  const isCommon = reader.dialect.characters === "common";
  const negated = reader.take("^");
  if (isCommon && reader.next === "]") throw reader.refuse('"]" inside a class');
  const tests: CharacterTest[] = [];
  while (!reader.take("]")) {
    if (reader.next === undefined) throw reader.refuse("a class that does not end");
    if (isCommon && reader.next === "[") throw reader.refuse('"[" inside a class');
    tests.push(readRange(reader, isCommon));
  }
  return (code) => tests.some((test) => test(code)) !== negated;
}

/** One character, one escape, or a range of characters. */
function readRange(reader: PatternReader, isCommon: boolean): CharacterTest {
  const isEscape = reader.next === "\\";
  const low = readItem(reader);
  if (!reader.sees(/-[^\]]/y)) return testOf(low);
  if (isCommon && isEscape) throw reader.refuse("a range from an escape");
  reader.read();
  if (isCommon && reader.next === "\\") throw reader.refuse("a range to an escape");
  const high = readItem(reader);
  // JavaScript takes a "-" beside a class of characters as itself.
  if (typeof low !== "string" || typeof high !== "string") return anyOf([testOf(low), testOf("-"), testOf(high)]);
  if (high < low) throw reader.refuse("a range in a class that has no order");
  const [first, last] = [low.charCodeAt(0), high.charCodeAt(0)];
  return (code) => code >= first && code <= last;
}

function anyOf(tests: readonly CharacterTest[]): CharacterTest {
  return (code) => tests.some((test) => test(code));
}
