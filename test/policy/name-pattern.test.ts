import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../src/base/errors.ts";
import { compileNamePattern } from "../../src/policy/name-pattern.ts";
import { mulberry32 } from "../helpers/random.ts";

const NAMES = [
  "model.layers.0.self_attn.q_proj",
  "model.layers.11.mlp.experts.7.down_proj",
  "model.layers.3.block_sparse_moe.experts.12.w2",
  "a+b",
  "",
];
const PATTERNS = [
  "q_proj$",
  "^model\\.layers\\.\\d+\\.self_attn",
  "layers\\.(0|3|11)\\.",
  "experts\\.[1-7]\\.(?:up|down)_proj",
  "w[^13]",
  ".",
  "",
  "^$",
  "\\d{2}",
  "\\d{3,}",
  "e{0,1}xperts",
  "s.*?s",
  "a\\+b",
  "[.+*]b",
  "(ab|a|)+b",
  "x|y|attn",
  "\\D\\.\\w\\W",
  "[\\d_]q",
  "layers]",
  "\\s",
];

describe("compileNamePattern", () => {
  it.each(PATTERNS)("finds what JavaScript finds: %s", (pattern) => {
    const found = compileNamePattern(pattern, "test");
    const expected = new RegExp(pattern);
    expect(NAMES.map(found)).toEqual(NAMES.map((name) => expected.test(name)));
  });

  it("agrees with JavaScript on patterns drawn at random", () => {
    const random = mulberry32(5);
    const pick = (from: readonly string[]) => from[Math.floor(random() * from.length)];
    const part = (depth: number): string => {
      const atom =
        random() < 0.3 && depth < 2 ? `(${branches(depth + 1)})` : pick(["a", "b", ".", "[ab]", "[^a]", "\\w"]);
      return /[*+?{]/.test(atom) || random() < 0.5 ? atom : atom + pick(["*", "+", "?", "{2}", "{1,2}", "{0,3}", "+?"]);
    };
    const branches = (depth: number): string => {
      const sequence = () => Array.from({ length: Math.floor(random() * 3) }, () => part(depth)).join("");
      return random() < 0.3 ? `${sequence()}|${sequence()}` : sequence();
    };
    for (let round = 0; round < 500; round++) {
      const pattern = `${pick(["", "^"])}${part(0)}${branches(0)}${pick(["", "$"])}`;
      const name = Array.from({ length: Math.floor(random() * 7) }, () => pick(["a", "b", "c"])).join("");
      expect([pattern, name, compileNamePattern(pattern, "test")(name)]).toEqual([
        pattern,
        name,
        new RegExp(pattern).test(name),
      ]);
    }
  });

  it("answers patterns that blow up a backtracking matcher", () => {
    const name = `${"a".repeat(60)}c`;
    expect(compileNamePattern(`^${"a?".repeat(60)}${"a".repeat(60)}$`, "test")(name)).toBe(false);
    expect(compileNamePattern(`^${"a*".repeat(60)}b$`, "test")(name)).toBe(false);
    expect(compileNamePattern("^(a|a|aa)*b$", "test")(name)).toBe(false);
  });

  it("ends a pattern that costs too much over all names, naming it", () => {
    const matches = compileNamePattern(`${"(a|.|.|.|.|.)*".repeat(8)}!`, "plan: name");
    const askAll = () => {
      for (let index = 0; index < 20_000; index++) matches(`model.layers.${index}.mlp.experts.0.down_proj`);
    };
    expect(askAll).toThrow(UnsupportedError);
    expect(askAll).toThrow(/plan: name: found more than \d+ steps to match all names in the pattern \(a\|/);
  });

  it("answers a name again at no cost", () => {
    const matches = compileNamePattern(`${"(a|.|.|.|.|.)*".repeat(8)}!`, "plan: name");
    for (let round = 0; round < 20_000; round++) expect(matches("model.layers.0.mlp.down_proj")).toBe(false);
  });

  it.each([
    ["(a+)+", "a quantifier of a quantifier"],
    ["(?:x|a{2})*", "a quantifier of a quantifier"],
    ["a**", "a quantifier of a quantifier"],
    ["*a", '"*"'],
    ["^*", "nothing to repeat"],
    ["a{3,2}", "ends before it begins"],
    ["a{99}", "repeats"],
    ["(a", "does not end"],
    ["a)", '")"'],
    ["[a", "a class that does not end"],
    ["[b-a]", "class"],
    ["(?=a)", "(?="],
    ["(?<n>a)", "(?<"],
    ["(a)\\1", "\\1"],
    ["\\bq", "\\b"],
    ["a\\", "a \\ at the end"],
    ["a".repeat(201), "201 characters"],
    ["(".repeat(30) + ")".repeat(30), "deep"],
  ])("refuses %s", (pattern, problem) => {
    expect(() => compileNamePattern(pattern, "plan: name")).toThrow(UnsupportedError);
    expect(() => compileNamePattern(pattern, "plan: name")).toThrow("plan: name: found");
    expect(() => compileNamePattern(pattern, "plan: name")).toThrow(problem);
  });
});
