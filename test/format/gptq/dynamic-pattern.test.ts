import { describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { matchesPattern } from "../../../src/base/pattern/match-pattern.ts";
import { compileDynamicPattern, dynamicBudget } from "../../../src/format/gptq/dynamic-pattern.ts";

describe("compileDynamicPattern", () => {
  it("matches at the beginning of a name, and reads lookahead", () => {
    const matches = (source: string, name: string) => matchesPattern(compileDynamicPattern(source, "dynamic"), name);
    expect(matches("lm_head", "lm_head.weight")).toBe(true);
    expect(matches("head", "lm_head")).toBe(false);
    expect(matches("(?!.*gate).*mlp", "model.layers.0.mlp.up_proj")).toBe(true);
    expect(matches("(?!.*gate).*mlp", "model.layers.0.mlp.gate")).toBe(false);
  });

  it("refuses what readers of the format read differently, naming the rule", () => {
    expect(() => compileDynamicPattern("[[:alpha:]]", 'quantize_config.json: dynamic["x"]')).toThrow(
      'quantize_config.json: dynamic["x"]: found "[" inside a class in the pattern [[:alpha:]], expected literals, classes',
    );
  });
});

describe("dynamicBudget", () => {
  it("ends rules that cost too much over all names, naming the last", () => {
    const slow = compileDynamicPattern("(?=(.*a.*b)+c)", 'dynamic["slow"]');
    const budget = dynamicBudget();
    const ask = () => {
      for (let index = 0; index < 10_000; index++) matchesPattern(slow, `${index}${"ab".repeat(2000)}`, budget);
    };
    expect(ask).toThrow(UnsupportedError);
    expect(ask).toThrow(/dynamic\["slow"\]: found patterns of more than 20000000 steps, the last of them \(\?=/);
  });
});
