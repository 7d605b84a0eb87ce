import { describe, expect, it } from "vitest";
import { compilePattern, matchesStart } from "../../../src/format/pattern.ts";
import { mulberry32 } from "../../helpers/random.ts";

const matches = (source: string, name: string) => matchesStart(compilePattern(source, "dynamic"), name);

const NAMES = [
  "",
  "lm_head",
  "model.layers.1.mlp.gate",
  "model.layers.1.mlp.experts.1.down_proj",
  "model.layers.1.mlp.experts.10.down_proj",
  "model.layers.11.self_attn.q_proj",
  "modelXlayers.1",
  "aab\nab",
  "a-b]c",
];

describe("matchesStart", () => {
  it.each([
    "",
    "^",
    "$",
    "^$",
    "lm_head",
    ".*",
    ".*\\.layers\\.1\\.mlp\\..*",
    ".*\\.experts\\.[024]\\.down_proj$",
    "^model\\.layers\\.(0|1|47)\\.mlp\\..*",
    "model.layers",
    "^model\\.layers\\.1\\.mlp\\.experts\\.1",
    "(?:.*)\\.mlp\\.gate$",
    "^(?!lm_head)",
    "(?=.*q_proj).*\\.11\\.",
    "a*b",
    "a+b",
    "a?ab",
    "a{2}b",
    "a{1,}b",
    "a{3,5}b",
    "a{0,1}ab",
    ".*?\\.gate",
    "(a|b)*$",
    "(a*)*$",
    "(a|ab)(c|bcd)?",
    "[^.]*\\.layers\\.\\d+\\.",
    "\\w+\\.\\w+",
    "[\\w-]+$",
    "[a-z.]+\\d",
    "a|model",
    "mode?l",
    "models?",
    "model\\.layers|x",
    "m(o|x)del",
    "\\S+\\s",
    "\\D*\\d\\W",
    "a\\-b\\]",
    "[a-]*",
    "[.\\]]",
    "()x?",
    "((((a))))",
  ])("agrees with the runtime's engine, anchored at the start, on %s", (source) => {
    const engine = new RegExp(source, "y");
    for (const name of NAMES) {
      engine.lastIndex = 0;
      expect(matches(source, name), JSON.stringify(name)).toBe(engine.test(name));
    }
  });

  it("agrees with the runtime's engine on random patterns and names", () => {
    const random = mulberry32(7);
    const pick = (choices: readonly string[]) => choices[Math.floor(random() * choices.length)];
    const make = (depth: number): string => {
      const kind = depth === 0 ? 0 : Math.floor(random() * 5);
      if (kind <= 1) return pick(["a", "b", ".", "[ab]", "[^a]", "\\.", "a", "$"]);
      if (kind === 2) return `(${make(depth - 1)}|${make(depth - 1)})`;
      if (kind === 3) return `(?:${make(depth - 1)})${pick(["*", "+", "?", "{2}", "{0,2}", "{1,}", "*?"])}`;
      return make(depth - 1) + make(depth - 1);
    };
    for (let round = 0; round < 3000; round++) {
      const source = make(4);
      const name = Array.from({ length: Math.floor(random() * 7) }, () => pick(["a", "b", "."])).join("");
      expect(matches(source, name), `${source} on ${name}`).toBe(new RegExp(source, "y").test(name));
    }
  });

  it("takes no more time for patterns that make backtracking engines explode", () => {
    const name = `${"a".repeat(5000)}!`;
    for (const source of ["(a+)+$", "(a|a)*$", "(a*)*b", "(.*)*x", "(?=(a+)+$)", "(a?){200}a{200}x"])
      expect(matches(source, name)).toBe(false);
  });
});

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
    ["a)", "an unmatched )"],
    ["[a", "a class that does not end"],
    ["[[:alpha:]]", '"[" inside a class'],
    ["[]", '"]" inside a class'],
    ["[z-a]", "a range in a class that has no order"],
    ["[\\d-z]", "a range from an escape"],
    ["a\\", "a \\ at the end"],
    ["\\p{L}", "\\p"],
    ["\\x41", "\\x"],
    ["\\u0041", "\\u"],
    ["a{3,2}", "a range that ends before it begins"],
    ["(x(?!a))", "a lookahead inside a group"],
    ["(?=(?=a))", "a lookahead inside a group"],
    ["(((a{100}){100}){100})", "more than 5000 states"],
    ["((((){9999}){9999}){9999})", "more than 5000 states"],
    ["(".repeat(60), "more than 50 nested groups"],
    ["a".repeat(20_001), "a pattern of 20001 characters"],
  ])("rejects %j", (source, problem) => {
    expect(() => compilePattern(source, "dynamic")).toThrow(
      expect.objectContaining({ code: "UNSUPPORTED", message: expect.stringContaining(`dynamic: found ${problem}`) }),
    );
  });

  it("finds the literal beginning that settles most names", () => {
    const prefix = (source: string) => compilePattern(source, "dynamic").prefix;
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
