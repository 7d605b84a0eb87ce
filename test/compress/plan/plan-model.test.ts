import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { plannedBytesOf } from "../../../src/compress/plan/plan-bytes.ts";
import type { PlanContext, SizedPlan } from "../../../src/compress/plan/plan-context.ts";
import { planFor } from "../../../src/compress/plan/plan-model.ts";
import {
  type ModelShapes,
  planModulesOf,
  shapesOfConfig,
  shapesOfFiles,
} from "../../../src/compress/recipe/model-shapes.ts";
import { outlierScores } from "../../../src/compress/statistics/outlier-scores.ts";
import type { Statistics } from "../../../src/compress/statistics/statistics.ts";
import { type ModelFiles, readModelFiles, readModelShapes } from "../../../src/model/model.ts";
import { parsePolicy } from "../../../src/policy/policy.ts";
import { mulberry32 } from "../../helpers/random.ts";

async function shapesOf(name: string): Promise<ModelShapes> {
  const { family, config } = await readModelShapes(await nodeFolder(`test/fixtures/shapes/${name}`));
  return shapesOfConfig(name, family, config);
}

/** Any counts: how many experts are raised does not depend on them. */
function usesOf({ config }: ModelShapes): Statistics {
  const random = mulberry32(1);
  const experts = config.moeLayers.flatMap((moe, layer) =>
    Array.from({ length: moe ? config.experts : 0 }, (_, expert) => {
      return { layer, expert, tokens: Math.floor(1000 * random()), gateSum: random() };
    }),
  );
  const none = {
    modelHash: "",
    tokenHashes: [],
    tokens: 1,
    windows: 1,
    pairs: [],
    linears: [],
    inputs: [],
    starved: [],
  };
  return { ...none, experts, blocks: [] };
}

describe("planFor, on the shapes of the study's models", () => {
  // arXiv 2406.08155: its averages, to four decimals.
  it.each([
    ["mixtral-8x7b", "attention:4,base:2", 2.0578],
    ["mixtral-8x7b", "attention:8,base:2", 2.1734],
    ["mixtral-8x7b", "attention:4,base:2+first:4@4", 2.3006],
    ["mixtral-8x7b", "attention:4,base:2+first:8@4", 2.5434],
    ["mixtral-8x7b", "attention:4,base:2+frequency:2@4", 2.5434],
    ["mixtral-8x7b", "attention:4,base:2+random-linears:25%@4", 2.5434],
    ["deepseek-moe-16b", "attention:4,dense:4,shared:4,base:2", 2.1259],
    ["deepseek-moe-16b", "attention:4,dense:4,shared:8,base:2+frequency:10@4", 2.5359],
    ["deepseek-moe-16b", "attention:4,dense:4,shared:4,base:2+frequency:25@4+first:5@4", 3.0695],
  ])("%s, %s: %d bits", async (name, text, bits) => {
    const shapes = await shapesOf(name);
    const plan = await planFor(parsePolicy(text), { shapes, statistics: usesOf(shapes), groupSize: 64 });
    expect(plan.averageBits).toBeCloseTo(bits, 4);
    // Scales and zeros of a group of 64, and the float parts, come on top.
    expect(plan.trueBytes).toBeGreaterThan((bits * countOf(shapes)) / 8);
    expect(plan.trueBytes).toBe(
      plannedBytesOf(
        shapes,
        new Map(Object.entries(plan.resolved).map(([key, b]) => [key, { bits: b, groupSize: 64 }])),
      ),
    );
  });
});

function countOf(shapes: ModelShapes): number {
  return planModulesOf(shapes).reduce((sum, { rows, cols }) => sum + rows * cols, 0);
}

describe("planFor", () => {
  let files: ModelFiles;
  let context: PlanContext;
  beforeAll(async () => {
    files = await readModelFiles(await nodeFolder("models/fable-deepseek"));
    context = { shapes: shapesOfFiles(files), groupSize: 64 };
  });
  afterAll(() => files.index.close());

  it("takes outlier scores from the weights where no statistics have them", async () => {
    const policy = parsePolicy("uniform:2+outlier:10%@8");
    const plan = await planFor(policy, { ...context, files });
    const scores = new Map((await outlierScores(files)).map(({ name, outlier }) => [name, outlier]));
    const experts = planModulesOf(context.shapes).filter(({ role }) => role === "expert");
    const ranked = experts.map(({ name }) => scores.get(name)!).sort((a, b) => b - a);
    const raised = experts.filter(({ name }) => plan.resolved[name] === 8);
    expect(raised).toHaveLength(Math.floor(experts.length / 10));
    for (const { name } of raised) expect(scores.get(name)).toBeGreaterThanOrEqual(ranked[raised.length - 1]);
    await expect(planFor(policy, context)).rejects.toThrow("quern calibrate MODEL");
  });

  it("plans by the damages that a knapsack is given, and wants a budget for it", async () => {
    const policy = parsePolicy("knapsack");
    await expect(planFor(policy, context)).rejects.toThrow("--budget 3.0");
    const budget = { kind: "bits", averageBits: 3 } as const;
    await expect(planFor(policy, { ...context, budget })).rejects.toThrow("policy knapsack: found no measured damages");
    let asked = 0;
    const damages = async () => {
      asked++;
      return new Map(planModulesOf(context.shapes).map(({ name }) => [name, { 2: 4, 3: 2, 4: 1, 8: 0 }]));
    };
    const plan = await planFor(policy, { ...context, budget, knapsack: { damages } });
    expect(plan).toMatchObject({ policy: "knapsack", groupSize: 64 });
    expect(plan.averageBits).toBeLessThanOrEqual(3);
    expect(plan.averageBits).toBeGreaterThan(2.9);
    const tight = { kind: "bytes", trueBytes: 1000 } as const;
    await expect(planFor(policy, { ...context, budget: tight, knapsack: { damages } })).rejects.toThrow("at least");
    expect(asked).toBe(1);
    await expect(planFor(parsePolicy("uniform:2"), { ...context, budget })).rejects.toThrow(
      "found a budget, expected policy knapsack",
    );
  });

  it("gives only the widths of the knapsack's menu, and the best of them", async () => {
    const budget = { kind: "bits", averageBits: 3 } as const;
    // Every step from 2 to 4 bits is worth the same, so the best plan of 2 and 4 bits spends all of the budget.
    const damages = async () =>
      new Map(planModulesOf(context.shapes).map(({ name }) => [name, { 2: 4, 3: 1, 4: 0.5, 8: 0 }]));
    const of = (text: string, minBits?: 4) =>
      planFor(parsePolicy(text), { ...context, budget, knapsack: { damages, minBits } });
    const widths = ({ resolved }: SizedPlan) => [...new Set(Object.values(resolved))].sort();
    const [narrow, whole, all] = await Promise.all(["knapsack:2,4", "knapsack:2,3,4,8", "knapsack"].map((p) => of(p)));
    expect(narrow.policy).toBe("knapsack:2,4");
    expect(widths(narrow)).toEqual([2, 4]);
    expect(narrow.averageBits).toBeLessThanOrEqual(3);
    expect(narrow.averageBits).toBeGreaterThan(2.97);
    expect(whole.resolved).toEqual(all.resolved);
    expect(widths(all)).toContain(3);
    await expect(of("knapsack:2,3", 4)).rejects.toThrow("no width of [2,3] from 4 bits");
    await expect(of("knapsack:4,8")).rejects.toThrow("expected at least");
  });

  it("refuses a group size that does not fit a linear, naming it", async () => {
    const plan = planFor(parsePolicy("uniform:2"), { ...context, groupSize: 128 });
    await expect(plan).rejects.toThrow("q_proj: group size: found 128");
    const left = planFor(parsePolicy("uniform:16"), { ...context, groupSize: 128 });
    expect((await left).averageBits).toBe(16);
  });
});
