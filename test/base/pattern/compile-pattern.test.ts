import { describe, expect, it } from "vitest";
import { compilePattern } from "../../../src/base/pattern/compile-pattern.ts";
import type { PatternDialect } from "../../../src/base/pattern/pattern-dialect.ts";
import { ANCHORED } from "./dialects.ts";

describe("compilePattern", () => {
  it.each([
    ["(a)\\1", "\\1"],
    ["\\ba", "\\b"],
    ["(?<n>a)", "the group (?<"],
    ["(?<=a)b", "the group (?<"],
    ["(?>a)", "the group (?>"],
    ["(?i)a", "the group (?i"],
    ["a*+", "a quantifier of a quantifier"],
    ["a++", "a quantifier of a quantifier"],
    ["a{2}{3}", "a quantifier of a quantifier"],
    ["*a", '"*" with nothing to repeat'],
    ["a|+", '"+" with nothing to repeat'],
    ["{2}", '"{" with nothing to repeat'],
    ["a{,3}", '"{" with nothing to repeat'],
    ["(a", "a group that does not end"],
    ["a)", 'a ")" without its "("'],
    ["[a", "a class that does not end"],
    ["[[:alpha:]]", '"[" inside a class'],
    ["[]", '"]" inside a class'],
    ["[z-a]", "a range in a class that has no order"],
    ["[\\d-z]", "a range from an escape"],
    ["[a-\\.]", "a range to an escape"],
    ["[^]", '"]" inside a class'],
    ["a{10000}", "more than 9999 repeats"],
    ["a\\", "a \\ at the end"],
    ["\\p{L}", "\\p"],
    ["\\x41", "\\x"],
    ["\\u0041", "\\u"],
    ["a{3,2}", "{3,2}, a range that ends before it begins,"],
    ["(x(?!a))", "a lookahead inside a group"],
    ["(?=(?=a))", "a lookahead inside a group"],
    ["(((a{100}){100}){100})", "more than 5000 states"],
    ["((((){9999}){9999}){9999})", "more than 5000 states"],
    ["(".repeat(60), "groups nested more than 50 deep"],
    ["a".repeat(20_001), "a pattern of 20001 characters"],
  ])("rejects %j", (source, problem) => {
    expect(() => compilePattern(source, "dynamic", ANCHORED)).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining(`dynamic: found ${problem}`) }),
    );
  });

  it.each([
    ["(a+)+", { nestedQuantifiers: false }, "a quantifier of a quantifier"],
    ["(?:x|a{2})*", { nestedQuantifiers: false }, "a quantifier of a quantifier"],
    ["(?=a)", { lookahead: false }, "the group (?="],
    ["^*", { characters: "javascript" }, '"*" with nothing to repeat'],
    ["a{21}", { maxRepeats: 20 }, "more than 20 repeats"],
    ["((a))", { maxDepth: 1 }, "groups nested more than 1 deep"],
    ["aaa", { maxCharacters: 2 }, "a pattern of 3 characters, expected at most 2 characters"],
  ] as const)("rejects %j where a dialect says %j", (source, change, problem) => {
    const compile = (dialect: PatternDialect) => compilePattern(source, "dynamic", dialect);
    expect(compile(ANCHORED).source).toBe(source);
    expect(() => compile({ ...ANCHORED, ...change })).toThrow(`dynamic: found ${problem}`);
  });

  it("shows the beginning of a long pattern, and what can be read", () => {
    expect(() => compilePattern(`(${"a".repeat(200)}`, "dynamic", ANCHORED)).toThrow(
      `a group that does not end in the pattern (${"a".repeat(76)}..., expected what a test reads`,
    );
  });

  it("finds the literal beginning that settles most names", () => {
    const prefix = (source: string) => compilePattern(source, "dynamic", ANCHORED).prefix;
    expect(prefix("^model\\.layers\\.(0|1)")).toBe("model.layers.");
    expect(prefix("lm_head")).toBe("lm_head");
    expect(prefix("abc?d")).toBe("ab");
    expect(prefix("ab\\.*")).toBe("ab");
    expect(prefix("abc+d")).toBe("abc");
    expect(prefix("abc|d")).toBe("");
    expect(prefix("ab[|]d")).toBe("ab");
    expect(prefix(".*")).toBe("");
  });
});
