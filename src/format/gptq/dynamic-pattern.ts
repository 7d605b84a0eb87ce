/** Compiles the patterns of `dynamic` rules, which other readers of GPTQ checkpoints match with Python's `re.match`. */
import { UnsupportedError } from "../../base/errors.ts";
import { compilePattern, type Pattern } from "../../base/pattern/compile-pattern.ts";
import type { PatternDialect } from "../../base/pattern/pattern-dialect.ts";
import { shownPattern } from "../../base/pattern/pattern-reader.ts";
import { StepBudget } from "../../base/pattern/step-budget.ts";

const DYNAMIC_PATTERN: PatternDialect = {
  anchored: true,
  characters: "common",
  lookahead: true,
  nestedQuantifiers: true,
  maxCharacters: 20_000,
  maxDepth: 50,
  maxRepeats: 9_999,
  syntax: ["literals, classes, groups, |, * + ? {m,n}, ^, $ and lookahead"],
};

/** About a second. The rules of a plan for 5000 modules take less than half of it. */
const MAX_MATCH_STEPS = 20_000_000;

/** @throws UnsupportedError naming `where` and the part of the pattern that is not supported. */
export function compileDynamicPattern(source: string, where: string): Pattern {
  return compilePattern(source, where, DYNAMIC_PATTERN);
}

/** The number of steps for matching all rules of a checkpoint with all names. */
export function dynamicBudget(): StepBudget {
  return new StepBudget(MAX_MATCH_STEPS, ({ source, where }) => {
    const found = `patterns of more than ${MAX_MATCH_STEPS} steps, the last of them ${shownPattern(source)}`;
    return new UnsupportedError(where, found, [
      "rules that are quicker to match against the model's names, such as ones without lookahead",
    ]);
  });
}
