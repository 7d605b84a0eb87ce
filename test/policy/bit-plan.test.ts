import { describe, expect, it } from "vitest";
import { UnsupportedError, UsageError } from "../../src/base/errors.ts";
import {
  averagePlanBits,
  idleRules,
  type PlanMatch,
  type PlanRule,
  resolvePlan,
  resolveSettings,
} from "../../src/policy/bit-plan.ts";
import { DEEPSEEK_MOE_16B, MIXTRAL_8X7B, moeModules, SMALL } from "./moe-modules.ts";

const small = moeModules(SMALL);
const mixtral = moeModules(MIXTRAL_8X7B);
const deepseek = moeModules(DEEPSEEK_MOE_16B);

function matched(match: PlanMatch): string[] {
  const resolved = resolvePlan(small, { base: 2, rules: [{ match, bits: 8 }] });
  return Object.keys(resolved).filter((name) => resolved[name] === 8);
}

describe("resolvePlan", () => {
  it("gives every linear the base where no rule speaks", () => {
    const resolved = resolvePlan(small, { base: 3, rules: [] });
    expect(Object.keys(resolved)).toEqual(small.map((module) => module.name));
    expect(new Set(Object.values(resolved))).toEqual(new Set([3]));
  });

  it("matches everything with an empty match", () => {
    expect(matched({})).toHaveLength(small.length);
  });

  it("matches by role", () => {
    expect(matched({ role: "dense" })).toEqual([
      "model.layers.0.mlp.gate_proj",
      "model.layers.0.mlp.up_proj",
      "model.layers.0.mlp.down_proj",
    ]);
    expect(matched({ role: "shared" })).toHaveLength(9);
  });

  it("matches by layer ranges, inclusive at both ends", () => {
    const layers = new Set(
      matched({
        layers: [
          [0, 1],
          [3, 9],
        ],
      }).map((name) => name.split(".")[2]),
    );
    expect([...layers]).toEqual(["0", "1", "3"]);
  });

  it("matches by expert, and never what is no expert", () => {
    expect(matched({ experts: [1] })).toEqual(small.filter((m) => m.expert === 1).map((m) => m.name));
    expect(matched({ experts: [-1] })).toEqual([]);
  });

  it("matches by projection and by a pattern found anywhere in the name", () => {
    expect(matched({ projection: "o" })).toHaveLength(4);
    expect(matched({ name: "layers\\.2\\..*down" })).toEqual([
      "model.layers.2.mlp.experts.0.down_proj",
      "model.layers.2.mlp.experts.1.down_proj",
      "model.layers.2.mlp.shared_experts.down_proj",
    ]);
  });

  it("wants all fields of a match at once", () => {
    expect(matched({ role: "expert", layers: [[2, 2]], experts: [0], projection: "up", name: "proj$" })).toEqual([
      "model.layers.2.mlp.experts.0.up_proj",
    ]);
  });

  it("lets later rules win", () => {
    const raise: PlanRule = { match: { role: "expert" }, bits: 8 };
    const lower: PlanRule = { match: { layers: [[1, 3]] }, bits: 4 };
    const name = "model.layers.1.mlp.experts.0.up_proj";
    expect(resolvePlan(small, { base: 2, rules: [raise, lower] })[name]).toBe(4);
    expect(resolvePlan(small, { base: 2, rules: [lower, raise] })[name]).toBe(8);
  });

  it("refuses a pattern it cannot bound, naming the rule", () => {
    const rules: PlanRule[] = [{ match: { name: "(a+)+" }, bits: 4 }];
    expect(() => resolvePlan(small, { base: 2, rules })).toThrow(UnsupportedError);
    expect(() => resolvePlan(small, { base: 2, rules })).toThrow("rules[0].match.name");
  });
});

describe("resolveSettings", () => {
  it("keeps an earlier rule's group size where a later one only changes the bits", () => {
    const settings = resolveSettings(small, {
      base: 2,
      rules: [
        { match: { role: "attention" }, bits: 4, groupSize: 32 },
        { match: { projection: "o" }, bits: 8 },
        { match: { projection: "k" }, bits: 8, groupSize: -1 },
      ],
    });
    const of = (projection: string) => settings.get(`model.layers.0.self_attn.${projection}_proj`);
    expect(of("q")).toEqual({ bits: 4, groupSize: 32 });
    expect(of("o")).toEqual({ bits: 8, groupSize: 32 });
    expect(of("k")).toEqual({ bits: 8, groupSize: -1 });
    expect(settings.get("model.layers.0.mlp.up_proj")).toEqual({ bits: 2 });
  });
});

describe("idleRules", () => {
  it("finds the rules that match nothing", () => {
    const idle: PlanRule = { match: { experts: [7] }, bits: 4 };
    expect(idleRules(small, { base: 2, rules: [{ match: { role: "shared" }, bits: 4 }, idle] })).toEqual([idle]);
  });
});

// The study (arXiv 2406.08155) and its authors' files print these averages.
describe("averageBits", () => {
  const average = (modules: typeof mixtral, rules: readonly PlanRule[]) =>
    averagePlanBits(modules, resolvePlan(modules, { base: 2, rules }));
  const attention4: PlanRule = { match: { role: "attention" }, bits: 4 };

  it("counts Mixtral-8x7B with attention at 4 and 8 bits as the study does", () => {
    expect(average(mixtral, [attention4])).toBeCloseTo(2.0578, 4);
    expect(average(mixtral, [{ match: { role: "attention" }, bits: 8 }])).toBeCloseTo(2.1734, 4);
  });

  it("counts DeepSeek-MoE-16B as the authors' files do, to seven digits", () => {
    const rules: PlanRule[] = [attention4, { match: { role: "dense" }, bits: 4 }];
    expect(average(deepseek, rules)).toBeCloseTo(2.0673245, 7);
    rules.push({ match: { role: "shared" }, bits: 4 });
    expect(average(deepseek, rules)).toBeCloseTo(2.1258904, 7);
    const top25 = Array.from({ length: 25 }, (_, expert) => expert);
    rules.push({ match: { experts: top25 }, bits: 4 }, { match: { role: "expert", layers: [[1, 5]] }, bits: 4 });
    expect(average(deepseek, rules)).toBeCloseTo(3.0694525, 7);
  });

  it("counts 16 bits as 16", () => {
    expect(averagePlanBits(small, resolvePlan(small, { base: 16, rules: [] }))).toBe(16);
  });

  it("wants bits for every linear, and at least one linear", () => {
    expect(() => averagePlanBits(small, {})).toThrow(UsageError);
    expect(() => averagePlanBits(small, {})).toThrow("model.layers.0.self_attn.q_proj");
    expect(() => averagePlanBits([], {})).toThrow(UsageError);
  });
});
