/**
 * Regular expressions from untrusted files and options. All ways through a pattern are followed at once, so that
 * a match costs at most states x characters of steps, whatever the pattern; lookahead adds one factor of characters.
 */
import { UnsupportedError } from "../errors.ts";
import { parsePattern } from "./parse-pattern.ts";
import type { PatternDialect } from "./pattern-dialect.ts";
import { literalPrefix } from "./pattern-node.ts";
import { buildProgram, type PatternProgram } from "./pattern-program.ts";
import { patternError } from "./pattern-reader.ts";
import type { PatternOrigin } from "./step-budget.ts";

export interface Pattern extends PatternOrigin, PatternProgram {
  /** Whether a match must begin where the name begins. */
  readonly anchored: boolean;
  /** Every match begins with it. */
  readonly prefix: string;
}

/**
 * @param where the file and the field that the pattern was written in.
 * @throws UnsupportedError naming `where` and what in the pattern is beyond the dialect or its limits.
 */
export function compilePattern(source: string, where: string, dialect: PatternDialect): Pattern {
  const { anchored, maxCharacters } = dialect;
  if (source.length > maxCharacters)
    throw new UnsupportedError(where, `a pattern of ${source.length} characters`, [
      `at most ${maxCharacters} characters`,
    ]);
  const tree = parsePattern(source, where, dialect);
  const program = buildProgram(tree, (problem) => patternError(problem, source, where, dialect));
  return { source, where, anchored, prefix: literalPrefix(tree), ...program };
}
