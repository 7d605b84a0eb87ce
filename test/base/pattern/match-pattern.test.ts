import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { compilePattern } from "../../../src/base/pattern/compile-pattern.ts";
import { matchesPattern } from "../../../src/base/pattern/match-pattern.ts";
import { StepBudget } from "../../../src/base/pattern/step-budget.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { ANCHORED, SEARCHING } from "./dialects.ts";

const matches = (source: string, name: string) => matchesPattern(compilePattern(source, "test", ANCHORED), name);
const found = (source: string, name: string) => matchesPattern(compilePattern(source, "test", SEARCHING), name);

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

describe("matchesPattern", () => {
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
  ])("agrees with the runtime's engine, at the start and anywhere, on %s", (source) => {
    const engine = new RegExp(source, "y");
    for (const name of NAMES) {
      engine.lastIndex = 0;
      expect(matches(source, name), JSON.stringify(name)).toBe(engine.test(name));
      expect(found(source, name), JSON.stringify(name)).toBe(new RegExp(source).test(name));
    }
  });

  it.each([
    "[[]",
    "[]",
    "[^]",
    "[\\d-z]",
    "[a-\\.]*",
    "[+-\\.]",
    "[\\-a]",
    "\\s",
    "\\S",
    ".",
    "[\\s.]",
    "[\\D]",
    "[_-]",
  ])("reads %s as JavaScript does where the dialect says so", (source) => {
    let engine: RegExp | undefined;
    try {
      engine = new RegExp(source);
    } catch {
      expect(() => found(source, "")).toThrow("no order");
    }
    for (let code = 0; engine !== undefined && code < 0x3100; code++) {
      const name = String.fromCharCode(code);
      if (found(source, name) !== engine.test(name)) expect.fail(`${source} on U+${code.toString(16)}`);
    }
  });

  it("takes everything but a line feed for a dot, and ASCII's white space for \\s, where the dialect is common", () => {
    expect([matches(".", "\r"), matches(".", "\u2028"), matches(".", "\n")]).toEqual([true, true, false]);
    expect([matches("\\s", "\t"), matches("\\s", "\u00a0"), matches("\\S", "\u00a0")]).toEqual([true, false, true]);
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
      const said = [matches(source, name), found(source, name)];
      expect(said, `${source} on ${name}`).toEqual([new RegExp(source, "y").test(name), new RegExp(source).test(name)]);
    }
  });

  it("takes no more time for patterns that make backtracking engines explode", () => {
    const name = `${"a".repeat(5000)}!`;
    for (const source of ["(a+)+$", "(a|a)*$", "(a*)*b", "(.*)*x", "(?=(a+)+$)", "(a?){200}a{200}x"])
      expect(matches(source, name)).toBe(false);
  });

  it("spends a budget that many patterns share, and ends with its error", () => {
    const spent: string[] = [];
    const budget = new StepBudget(1000, ({ source, where }) => {
      spent.push(`${where} ${source}`);
      return new UsageError(where, "too many steps", "fewer");
    });
    const cheap = compilePattern("a", "one", ANCHORED);
    const dear = compilePattern("(a|b)*c", "two", ANCHORED);
    expect(matchesPattern(cheap, "abc", budget)).toBe(true);
    expect(() => matchesPattern(dear, "ab".repeat(500), budget)).toThrow(UsageError);
    expect(() => matchesPattern(cheap, "abc", budget)).toThrow("one: found too many steps");
    expect(spent).toEqual(["two (a|b)*c", "one a"]);
  });

  it("asks no more than one step of a name that lacks the literal beginning", () => {
    const budget = new StepBudget(2, ({ where }) => new UsageError(where, "too many steps", "fewer"));
    expect(matchesPattern(compilePattern("q_proj$", "anywhere", SEARCHING), "mlp.gate", budget)).toBe(false);
    expect(matchesPattern(compilePattern("^lm_head", "start", ANCHORED), "model.lm_head", budget)).toBe(false);
  });
});
