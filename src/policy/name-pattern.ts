/** Patterns over the names of linears in plans and options: JavaScript's syntax, found anywhere in the name. */
import { compilePattern } from "../base/pattern/compile-pattern.ts";
import { matchesPattern } from "../base/pattern/match-pattern.ts";
import type { PatternDialect } from "../base/pattern/pattern-dialect.ts";
import { patternError } from "../base/pattern/pattern-reader.ts";
import { StepBudget } from "../base/pattern/step-budget.ts";

const NAME_PATTERN: PatternDialect = {
  anchored: false,
  characters: "javascript",
  lookahead: false,
  nestedQuantifiers: false,
  maxCharacters: 200,
  maxDepth: 20,
  maxRepeats: 20,
  syntax: ["literals", "\\d \\w \\s", "classes", "groups", "|", "* + ? {m,n} (not nested)", "^", "$"],
};

/** Steps of one pattern over all names: about a second. */
const MAX_STEPS = 20_000_000;

export type NamePattern = (name: string) => boolean;

/**
 * Compiles a pattern to a test of names. A name that was tested before costs nothing.
 * @throws UnsupportedError naming `where` and what in the pattern cannot be read; the test throws it when all names together cost
 * too much.
 */
export function compileNamePattern(source: string, where: string): NamePattern {
  const pattern = compilePattern(source, where, NAME_PATTERN);
  const budget = new StepBudget(MAX_STEPS, () =>
    patternError(`more than ${MAX_STEPS} steps to match all names`, source, where, NAME_PATTERN),
  );
  const known = new Map<string, boolean>();
  return (name) => {
    const found = known.get(name) ?? matchesPattern(pattern, name, budget);
    known.set(name, found);
    return found;
  };
}
