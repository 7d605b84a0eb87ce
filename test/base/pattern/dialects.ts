import type { PatternDialect } from "../../../src/base/pattern/pattern-dialect.ts";

const LIMITS = { maxCharacters: 20_000, maxDepth: 50, maxRepeats: 9_999 };

/** Everything that the engine can do, matched at the beginning of a name. */
export const ANCHORED: PatternDialect = {
  ...LIMITS,
  anchored: true,
  characters: "common",
  lookahead: true,
  nestedQuantifiers: true,
  syntax: ["what a test reads"],
};

/** JavaScript's characters, matched anywhere in a name. */
export const SEARCHING: PatternDialect = { ...ANCHORED, anchored: false, characters: "javascript" };
