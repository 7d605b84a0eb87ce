import { describe, expect, it } from "vitest";
import { UnsupportedError, UsageError } from "../../src/errors.ts";
import { parsePolicy, policyPlan } from "../../src/quant/policy.ts";
import { DEEPSEEK_MOE_16B, MIXTRAL_8X7B, moeModules, SMALL } from "./moe-modules.ts";

const small = moeModules(SMALL);
const plan = (text: string) => policyPlan(small, parsePolicy(text));
const layersAt = (text: string, bits: number) => {
  const { resolved } = plan(text);
  return [...new Set(small.filter((m) => resolved[m.name] === bits).map((m) => m.layer))];
};

describe("parsePolicy", () => {
  it("reads classes and parts as data", () => {
    expect(parsePolicy("attention:4,experts:2,base:8+first:4@4+projection:down@8+match:w2$@16")).toEqual({
      text: "attention:4,experts:2,base:8+first:4@4+projection:down@8+match:w2$@16",
      base: 8,
      classes: [
        { role: "attention", bits: 4 },
        { role: "expert", bits: 2 },
      ],
      parts: [
        { kind: "first", blocks: 4, bits: 4 },
        { kind: "projection", projection: "down", bits: 8 },
        { kind: "match", pattern: "w2$", bits: 16 },
      ],
    });
  });

  it("leaves a + inside a pattern to the pattern", () => {
    const { parts } = parsePolicy("uniform:2+match:layers\\.\\d+\\.mlp@4+last:1@8");
    expect(parts).toEqual([
      { kind: "match", pattern: "layers\\.\\d+\\.mlp", bits: 4 },
      { kind: "last", blocks: 1, bits: 8 },
    ]);
  });

  it.each([
    ["atention:4,base:2", "attention"],
    ["unifrom:4", "uniform"],
    ["expert:4,base:2", "experts"],
    ["uniform:2+frist:4@4", "first"],
    ["uniform:2+projection:dwon@4", "down"],
    ["uniform:2+mach:x@4", "match"],
    ["uniform:2+frequencies:2@4", "frequency"],
  ])("names the nearest word for %s", (text, nearest) => {
    expect(() => parsePolicy(text)).toThrow(UsageError);
    expect(() => parsePolicy(text)).toThrow(`expected ${nearest} or another of`);
  });

  it.each([
    ["", '""'],
    ["uniform:5", '"5" bits'],
    ["uniform", "no bits"],
    ["uniform:4,base:2", "uniform:4 beside other classes"],
    ["base:2,base:4", "base a second time"],
    ["shared:2,shared:4", "shared a second time"],
    ["uniform:2+attention:4", "after a +"],
    ["first:4@4", "at the beginning"],
    ["uniform:2+", '""'],
    ["uniform:2+first:0@4", '"0"'],
    ["uniform:2+first:x@4", '"x"'],
    ["uniform:2+first:4", "first:VALUE@BITS"],
    ["uniform:2+first:4@7", '"7" bits'],
    ["uniform:2+match:@4", "no pattern"],
  ])("refuses %j", (text, problem) => {
    expect(() => parsePolicy(text)).toThrow(UsageError);
    expect(() => parsePolicy(text)).toThrow(problem);
  });

  it.each([
    ["knapsack", "knapsack"],
    ["uniform:2+frequency:2@4", "frequency"],
    ["uniform:2+gate-frequency:2@4", "gate-frequency"],
    ["uniform:2+random-experts:2@4", "random-experts"],
    ["uniform:2+random-linears:25%@4", "random-linears"],
    ["uniform:2+outlier:25%@4", "outlier"],
    ["uniform:2+importance:4@4", "importance"],
    ["uniform:2+importance-module:4@4", "importance-module"],
    ["uniform:2+predictor:4@4", "predictor"],
    ["uniform:2+match:(a+)+@4", "nested quantifiers"],
  ])("says that %s is not supported", (text, found) => {
    expect(() => parsePolicy(text)).toThrow(UnsupportedError);
    expect(() => parsePolicy(text)).toThrow(`found ${found}`);
  });
});

describe("policyPlan", () => {
  it("sets classes, and the base for the rest", () => {
    const { resolved, averageBits, policy } = plan("attention:4,dense:8,base:2");
    const bitsOf = (role: string) => new Set(small.filter((m) => m.role === role).map((m) => resolved[m.name]));
    expect(["attention", "dense", "shared", "expert"].map((role) => [...bitsOf(role)])).toEqual([[4], [8], [2], [2]]);
    expect(averageBits).toBeGreaterThan(2);
    expect(policy).toBe("attention:4,dense:8,base:2");
  });

  it("counts the first and the last MoE blocks from the first layer with experts", () => {
    expect(layersAt("uniform:2+first:2@4", 4)).toEqual([1, 2]);
    expect(layersAt("uniform:2+last:2@4", 4)).toEqual([2, 3]);
    expect(layersAt("uniform:2+first:99@4", 4)).toEqual([1, 2, 3]);
  });

  it("raises routed experts only by first and projection, any linear by match", () => {
    const raised = (text: string) => {
      const { resolved } = plan(text);
      return new Set(small.filter((m) => resolved[m.name] === 8).map((m) => m.role));
    };
    expect([...raised("uniform:2+first:1@8")]).toEqual(["expert"]);
    expect([...raised("uniform:2+projection:down@8")]).toEqual(["expert"]);
    expect([...raised("uniform:2+match:[oe]_proj@8")]).toEqual(["attention", "dense", "expert", "shared"]);
  });

  it("lets later parts win", () => {
    expect(layersAt("uniform:2+first:3@4+last:1@8", 4)).toEqual([1, 2]);
    expect(layersAt("uniform:2+last:1@8+first:3@4", 8)).toEqual([]);
  });

  it("passes over classes that the model lacks", () => {
    const mixtral = moeModules(MIXTRAL_8X7B);
    const { averageBits, rules } = policyPlan(mixtral, parsePolicy("attention:4,dense:4,shared:8,base:2"));
    expect(averageBits).toBeCloseTo(2.0578, 4);
    expect(rules).toEqual([{ match: { role: "attention" }, bits: 4 }]);
  });

  it("needs no base where the classes name everything, and says what is missing where not", () => {
    const mixtral = moeModules(MIXTRAL_8X7B);
    expect(policyPlan(mixtral, parsePolicy("attention:8,experts:2")).averageBits).toBeCloseTo(2.1734, 4);
    expect(() => plan("attention:8,experts:2")).toThrow(UsageError);
    expect(() => plan("attention:8,experts:2")).toThrow("no bits for the linears of dense, shared");
  });

  // arXiv 2406.08155 (rows "2.30", "2.54", "2.71", "3.19" and DeepSeek "2.12").
  it.each([
    [MIXTRAL_8X7B, "attention:4,base:2+first:4@4", 2.3],
    [MIXTRAL_8X7B, "attention:4,base:2+last:8@4", 2.54],
    [MIXTRAL_8X7B, "attention:4,base:2+projection:down@4", 2.71],
    [MIXTRAL_8X7B, "attention:4,base:2+first:12@4+projection:down@4", 3.19],
    [DEEPSEEK_MOE_16B, "attention:4,dense:4,shared:8,base:2", 2.24],
  ])("comes to the study's average bits: %#", (shape, text, bits) => {
    const { averageBits } = policyPlan(moeModules(shape), parsePolicy(text));
    // The study cuts some figures and rounds others.
    expect([Math.floor(averageBits * 100), Math.round(averageBits * 100)]).toContain(Math.round(bits * 100));
  });
});
