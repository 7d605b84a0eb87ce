import { describe, expect, it } from "vitest";
import { fitSteps } from "../../../../src/compress/plan/refine/fit-steps.ts";
import { damagesAround, stepsFrom } from "../../../../src/compress/plan/refine/refine-plan.ts";
import type { PlanModule } from "../../../../src/policy/bit-plan.ts";
import { solveKnapsack } from "../../../../src/policy/knapsack-solver.ts";

const up = (layer: number, expert: number): PlanModule => ({
  ...{ name: `${layer}.${expert}.up`, role: "expert", layer, expert, projection: "up", rows: 32, cols: 32 },
});
const modules = [up(0, 0), up(0, 1), up(1, 0)];
const plan = Object.fromEntries(modules.map(({ name }) => [name, 2 as const]));
const damages = new Map(
  modules.map(({ name }, i) => [name, { 2: [5, 3, 9][i], 3: [1, 1, 1][i], 4: 0.5, 8: 0.1 }] as const),
);

describe("fitSteps", () => {
  it("takes the mean of a measured change and of the expected one times the factor of its group", () => {
    const changes = [-3, -3, -1];
    const steps = modules.map(({ name }, i) => ({ name, bits: 3 as const, change: changes[i] }));
    // Expected: -4 and -2 in layer 0, -8 in layer 1. All layers: factor 7 / 14; the pull is the mean of the groups, -14 / 2.
    const first = (-6 - 7 * 0.5) / (-6 - 7);
    const second = (-1 - 7 * 0.5) / (-8 - 7);
    const fitted = fitSteps(steps, { modules, plan, damages });
    const wanted = [(-3 - 4 * first) / 2, (-3 - 2 * first) / 2, (-1 - 8 * second) / 2];
    for (const [i, { change }] of fitted.entries()) expect(change).toBeCloseTo(wanted[i], 12);
  });

  it("keeps steps down apart from steps up", () => {
    const [{ name }] = modules;
    const around = { [name]: 3 as const };
    const steps = [
      { name, bits: 2 as const, change: 8 },
      { name, bits: 4 as const, change: -0.1 },
    ];
    // One group each: its factor is exact, so that the estimate is the measured change.
    const fitted = fitSteps(steps, { modules, plan: around, damages });
    for (const [i, { change }] of fitted.entries()) expect(change).toBeCloseTo(steps[i].change, 12);
  });

  it("halves what was measured of linears that had no damage before", () => {
    const none = new Map(modules.map(({ name }) => [name, { 2: 0, 3: 0, 4: 0, 8: 0 }]));
    const [{ name }] = modules;
    const [{ change }] = fitSteps([{ name, bits: 3, change: -2 }], { modules, plan, damages: none });
    expect(change).toBe(-1);
  });
});

describe("damagesAround", () => {
  it("sums to the plan's KL at the plan, and to KL plus the change for each step", () => {
    const steps = [{ name: "0.1.up", bits: 3 as const, change: -0.04 }];
    const around = damagesAround(plan, { kl: 0.3, steps });
    const sumOf = (bits: Readonly<Record<string, 2 | 3>>) =>
      modules.reduce((sum, { name }) => sum + (around.get(name)?.[bits[name] ?? 2] ?? Number.NaN), 0);
    expect(sumOf({})).toBeCloseTo(0.3, 12);
    expect(sumOf({ "0.1.up": 3 })).toBeCloseTo(0.26, 12);
  });

  it("lets a knapsack choose measured steps only", () => {
    const steps = [{ name: "0.1.up", bits: 3 as const, change: -0.04 }];
    const around = damagesAround(plan, { kl: 0.3, steps });
    const items = modules.map(({ name }) => ({
      name,
      choices: ([2, 3, 4, 8] as const).map((bits) => ({ bits, bytes: bits, damage: around.get(name)?.[bits] ?? 0 })),
    }));
    expect(solveKnapsack(items, 24).picks.map(({ bits }) => bits)).toEqual([2, 3, 2]);
  });
});

describe("stepsFrom", () => {
  it("gives the neighbours of a width, none below the fewest bits", () => {
    expect(stepsFrom(2, [2, 3, 4, 8])).toEqual([3]);
    expect(stepsFrom(4, [2, 3, 4, 8])).toEqual([3, 8]);
    expect(stepsFrom(4, [4, 8])).toEqual([8]);
    expect(stepsFrom(8, [3, 4, 8])).toEqual([4]);
    expect(stepsFrom(4, [2, 4])).toEqual([2]);
  });
});
