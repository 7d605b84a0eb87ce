/**
 * Reads the text of a regular expression into a tree. The syntax is what PCRE, Python and JavaScript share: literals, escapes
 * (\. \d \w \s \D \W \S), classes, `.`, groups, `|`, `* + ? {m,n}` (lazy or not, which makes no difference to whether there is a
 * match), `^`, `$`, and lookahead where the dialect has it. Backreferences, lookbehind, named and atomic groups, possessive
 * quantifiers, inline flags and \b are refused.
 */
import type { PatternDialect } from "./pattern-dialect.ts";
import { hasQuantifier, type PatternNode } from "./pattern-node.ts";
import { PatternReader } from "./pattern-reader.ts";
import { readCharacter } from "./read-character.ts";

/**
 * @param where the file and the field that the pattern was written in.
 * @throws UnsupportedError naming `where` and what in the pattern cannot be read.
 */
export function parsePattern(source: string, where: string, dialect: PatternDialect): PatternNode {
  const reader = new PatternReader(source, where, dialect);
  const tree = parseChoice(reader, 0);
  if (reader.next !== undefined) throw reader.refuse('a ")" without its "("');
  return tree;
}

function parseChoice(reader: PatternReader, depth: number): PatternNode {
  const { maxDepth } = reader.dialect;
  if (depth > maxDepth) throw reader.refuse(`groups nested more than ${maxDepth} deep`);
  const branches = [parseSequence(reader, depth)];
  while (reader.take("|")) branches.push(parseSequence(reader, depth));
  return branches.length === 1 ? branches[0] : { kind: "choice", branches };
}

function parseSequence(reader: PatternReader, depth: number): PatternNode {
  const parts: PatternNode[] = [];
  while (reader.next !== undefined && !"|)".includes(reader.next)) parts.push(parseQuantified(reader, depth));
  return { kind: "sequence", parts };
}

function parseQuantified(reader: PatternReader, depth: number): PatternNode {
  const part = parsePart(reader, depth);
  const found = reader.match(/(?:[*+?]|\{(\d+)(,(\d*))?\})/y);
  if (found === null) return part;
  const { nestedQuantifiers, maxRepeats, characters } = reader.dialect;
  if (characters === "javascript" && (part.kind === "start" || part.kind === "end"))
    throw reader.refuse(`"${found[0]}" with nothing to repeat`);
  // A lazy quantifier finds the same names.
  reader.take("?");
  if (reader.sees(/[*+?{]/y) || (!nestedQuantifiers && hasQuantifier(part)))
    throw reader.refuse("a quantifier of a quantifier");
  const [least, most] = rangeOf(found);
  if (most < least) throw reader.refuse(`${found[0]}, a range that ends before it begins,`);
  if (least > maxRepeats || (most > maxRepeats && most !== Number.POSITIVE_INFINITY))
    throw reader.refuse(`more than ${maxRepeats} repeats`);
  return { kind: "repeat", part, least, most };
}

/** The least and the most repeats of `*`, `+`, `?`, `{m}`, `{m,}` and `{m,n}`. */
function rangeOf([sign, least, comma, most]: readonly string[]): readonly [least: number, most: number] {
  if (sign === "?") return [0, 1];
  if (sign === "*" || sign === "+") return [sign === "+" ? 1 : 0, Number.POSITIVE_INFINITY];
  if (comma === undefined) return [Number(least), Number(least)];
  return [Number(least), most === "" ? Number.POSITIVE_INFINITY : Number(most)];
}

function parsePart(reader: PatternReader, depth: number): PatternNode {
  if (reader.take("(")) return parseGroup(reader, depth);
  if (reader.take("^")) return { kind: "start" };
  if (reader.take("$")) return { kind: "end" };
  if (reader.sees(/[*+?{]/y)) throw reader.refuse(`"${reader.next}" with nothing to repeat`);
  return readCharacter(reader);
}

function parseGroup(reader: PatternReader, depth: number): PatternNode {
  let look: string | undefined;
  if (reader.take("?") && !reader.take(":")) {
    look = reader.read();
    const isLook = look === "=" || look === "!";
    if (!isLook || !reader.dialect.lookahead) throw reader.refuse(`the group (?${look ?? ""}`);
  }
  const inner = parseChoice(reader, depth + 1);
  if (!reader.take(")")) throw reader.refuse("a group that does not end");
  if (look === undefined) return inner;
  // Each further level would add a factor of characters to the time.
  if (depth > 0) throw reader.refuse("a lookahead inside a group");
  return { kind: "look", part: inner, wanted: look === "=" };
}
