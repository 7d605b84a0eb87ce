import { beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { budgetCurve, knapsackPlan } from "../../../src/compress/plan/knapsack-plan.ts";
import { sizedPlan } from "../../../src/compress/plan/plan-model.ts";
import { type ModelShapes, planModulesOf, shapesOfFiles } from "../../../src/compress/recipe/model-shapes.ts";
import type { Damages } from "../../../src/compress/statistics/damage-table.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { parsePolicy, policyPlan } from "../../../src/policy/policy.ts";
import { mulberry32 } from "../../helpers/random.ts";

let context: { shapes: ModelShapes; groupSize: number };
let damages: Damages;
beforeAll(async () => {
  const shapes = shapesOfFiles(await readModelFiles(await nodeFolder("models/fable-mixtral")));
  context = { shapes, groupSize: 64 };
  const random = mulberry32(3);
  damages = new Map(
    planModulesOf(shapes).map(({ name }) => {
      const scale = 10 ** (-2 - 2 * random());
      return [name, { 2: scale, 3: scale / 5, 4: scale / 22, 8: scale / 6000 }];
    }),
  );
});

const sizeOf = (plan: Parameters<typeof sizedPlan>[0]) => sizedPlan(plan, context).trueBytes;
const total = (resolved: Readonly<Record<string, number>>) =>
  Object.entries(resolved).reduce((sum, [name, bits]) => sum + damages.get(name)![bits as 2 | 3 | 4 | 8], 0);

describe("knapsackPlan", () => {
  it.each([2, 2.5, 3, 3.7, 8])("keeps to %f average bits, and beats the uniform plan of as many", (averageBits) => {
    const plan = knapsackPlan(context, damages, { budget: { kind: "bits", averageBits } });
    expect(plan.averageBits).toBeLessThanOrEqual(averageBits + 1e-9);
    expect(plan.averageBits).toBeGreaterThan(averageBits - 0.02);
    expect(plan.predictedKl).toBeCloseTo(total(plan.resolved), 12);
    expect(plan.boundKl).toBeLessThanOrEqual(plan.predictedKl);
    const uniform = Object.fromEntries([...damages.keys()].map((name) => [name, averageBits]));
    if (averageBits === 3) expect(plan.predictedKl).toBeLessThan(0.8 * total(uniform));
  });

  it.each(["attention:4,base:2", "uniform:3", "attention:4,base:2+projection:down@4"])(
    "gets no more bytes than %s, to the byte, and does less damage",
    (text) => {
      const policy = parsePolicy(text);
      if (policy.kind !== "rules") throw new Error("rules expected");
      const theirs = policyPlan(planModulesOf(context.shapes), policy);
      const trueBytes = sizeOf(theirs);
      const ours = knapsackPlan(context, damages, { budget: { kind: "bytes", trueBytes } });
      expect(sizeOf(ours)).toBeLessThanOrEqual(trueBytes);
      expect(sizeOf(ours)).toBeGreaterThan(0.999 * trueBytes);
      expect(ours.predictedKl).toBeLessThan(total(theirs.resolved));
    },
  );

  it("finds a plan for every budget, whatever the length of the header comes to", () => {
    const largest = sizeOf(knapsackPlan(context, damages, { budget: { kind: "bits", averageBits: 3 } }));
    for (let less = 0; less < 400; less += 8) {
      const plan = knapsackPlan(context, damages, { budget: { kind: "bytes", trueBytes: largest - less } });
      expect(sizeOf(plan)).toBeLessThanOrEqual(largest - less);
    }
  });

  it("respects the fewest bits and frozen linears", () => {
    const [first, second] = [...damages.keys()];
    const frozen = new Map([
      [first, 16 as const],
      [second, 2 as const],
    ]);
    const plan = knapsackPlan(context, damages, { budget: { kind: "bits", averageBits: 3.6 }, minBits: 3, frozen });
    expect(plan.resolved[first]).toBe(16);
    expect(plan.resolved[second]).toBe(2);
    const others = Object.entries(plan.resolved).filter(([name]) => name !== first && name !== second);
    expect(Math.min(...others.map(([, bits]) => bits))).toBe(3);
  });

  it("refuses what cannot be: too small a budget, a linear nobody measured", () => {
    expect(() => knapsackPlan(context, damages, { budget: { kind: "bytes", trueBytes: 1000 } })).toThrow(
      /budget: found 1000 bytes, expected at least \d{7}, with the fewest bits/,
    );
    expect(() => knapsackPlan(context, new Map(), { budget: { kind: "bits", averageBits: 3 } })).toThrow(
      "damages: found nothing for",
    );
  });
});

describe("budgetCurve", () => {
  it("goes from 2 to 8 bits, ever larger and ever better", () => {
    const curve = budgetCurve(context, damages);
    expect(curve.length).toBeGreaterThan(20);
    expect(curve[0].averageBits).toBe(2);
    expect(curve.at(-1)!.averageBits).toBe(8);
    curve.slice(1).forEach((point, i) => {
      expect(point.trueBytes).toBeGreaterThan(curve[i].trueBytes);
      expect(point.predictedKl).toBeLessThan(curve[i].predictedKl);
    });
  });
});
