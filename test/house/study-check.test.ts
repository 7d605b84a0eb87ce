import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

interface Check {
  drawCells<Cell>(cells: readonly Cell[], count: number, seed: number): Cell[];
  differencesOf(committed: unknown, computed: unknown): string[];
}
interface Selection {
  meanByPlan(cells: readonly unknown[], metric: string): ReadonlyMap<string, unknown>;
  bestRule(
    rules: readonly unknown[],
    measured: ReadonlyMap<string, unknown>,
    of: { menu: string; bytes: number },
  ): unknown;
}
interface ScorePlans {
  scoredPlans(chosen: readonly unknown[]): readonly Record<string, unknown>[];
  furtherPlans(chosen: readonly unknown[], refine: boolean): readonly Record<string, unknown>[];
  randomPlans(random: readonly unknown[], seeds: number): unknown;
}
const load = async <Module>(path: string) => (await import(repositoryFile(path))) as unknown as Module;
const { drawCells, differencesOf } = await load<Check>("bench/quantmoe/check/compare-cells.mjs");
const { furtherPlans, randomPlans, scoredPlans } = await load<ScorePlans>("bench/quantmoe/study/score-plans.mjs");
const { bestRule, meanByPlan } = await load<Selection>("bench/quantmoe/study/selection.mjs");

describe("npm run study:check", () => {
  it("draws each cell as often as any other, none twice, the same for a seed", () => {
    const cells = Array.from({ length: 10 }, (_, i) => i);
    const counts = cells.map(() => 0);
    for (let seed = 0; seed < 2000; seed++) {
      const drawn = drawCells(cells, 3, seed * 2_654_435);
      expect(new Set(drawn).size).toBe(3);
      for (const cell of drawn) counts[cell]++;
    }
    for (const count of counts) expect(Math.abs(count - 600)).toBeLessThan(90);
    expect(drawCells(cells, 3, 5)).toEqual(drawCells(cells, 3, 5));
    expect(drawCells([1, 2], 3, 5).sort()).toEqual([1, 2]);
  });

  it("tells the last bit of a number, a missing field, and nothing of time and runtime", () => {
    const cell = (kl: number) => ({
      plan: "a",
      metrics: { kl: { mean: kl, windows: [kl, 1] } },
      timing: { seconds: kl },
    });
    expect(differencesOf(cell(0.1), { ...cell(0.1), timing: { seconds: 7 } })).toEqual([]);
    expect(differencesOf(cell(0.1 + 0.2), cell(0.3))).toEqual([
      "metrics.kl.mean: 0.30000000000000004, 0.3",
      "metrics.kl.windows.0: 0.30000000000000004, 0.3",
    ]);
    expect(
      differencesOf({ versions: { quern: "1", runtime: "a" } }, { versions: { quern: "2", runtime: "b" } }),
    ).toEqual(['versions.quern: "1", "2"']);
    expect(differencesOf({ starved: 0 }, {})).toEqual(["starved: 0, undefined"]);
  });
});

describe("the plans that are scored", () => {
  const choice = { family: "down", policy: "a", bytes: 100 };

  it("are listed once, with all menus and budgets that chose them", () => {
    const chosen = [
      { ...choice, menu: "2,4", budget: 2.1 },
      { ...choice, menu: "2,4", budget: 2.2 },
      { ...choice, menu: "2,3,4,8", budget: 2.2 },
    ];
    const [narrow, second] = [2.1, 2.2].map((budget) => ({ menu: [2, 4], budget }));
    const wide = { menu: [2, 3, 4, 8], budget: 2.2 };
    const knapsack = { budget: "100B", strategy: "knapsack" };
    expect(scoredPlans(chosen).slice(3)).toEqual([
      { name: "a", policy: "a", strategy: "rule", family: "down", competesAt: [narrow, second, wide] },
      { name: "knapsack:2,4 in 100 bytes", policy: "knapsack:2,4", ...knapsack, competesAt: [narrow, second] },
      { name: "knapsack:2,3,4,8 in 100 bytes", policy: "knapsack:2,3,4,8", ...knapsack, competesAt: [wide] },
    ]);
  });

  it("have uniform plans among them, which compete only where they are chosen", () => {
    const [two, three] = scoredPlans([
      { ...choice, family: "uniform", policy: "uniform:3", menu: "2,3,4,8", budget: 3.2 },
    ]);
    expect(two).toEqual({ name: "uniform:2", policy: "uniform:2", family: "uniform" });
    expect(three).toMatchObject({ strategy: "rule", competesAt: [{ menu: [2, 3, 4, 8], budget: 3.2 }] });
  });

  it("lists policy auto once a budget, and refined knapsacks where they are wanted", () => {
    const chosen = [
      { policy: "a", menu: "2,4", bytes: 100, budget: 2.4 },
      { policy: "b", menu: "2,3,4,8", bytes: 110, budget: 2.4 },
    ];
    const wide = [{ menu: [2, 3, 4, 8], budget: 2.4 }];
    const auto = { name: "auto in 110 bytes", policy: "auto", budget: "110B", strategy: "auto", competesAt: wide };
    expect(furtherPlans(chosen, false)).toEqual([auto]);
    const refined = { refine: true, strategy: "refined knapsack" };
    expect(furtherPlans(chosen, true)).toEqual([
      {
        ...{ name: "refined knapsack:2,4 in 100 bytes", policy: "knapsack:2,4", budget: "100B", ...refined },
        competesAt: [{ menu: [2, 4], budget: 2.4 }],
      },
      auto,
      {
        ...{ name: "refined knapsack:2,3,4,8 in 110 bytes", policy: "knapsack:2,3,4,8", budget: "110B", ...refined },
        competesAt: wide,
      },
    ]);
  });

  it("have random ones with as many seeds as wanted", () => {
    expect(randomPlans([{ policy: "r", menu: "2,4", budget: 2.4 }], 3)).toEqual([
      { name: "r", policy: "r", seeds: [0, 1, 2], strategy: "random", competesAt: [{ menu: [2, 4], budget: 2.4 }] },
    ]);
  });
});

describe("the choice of rules", () => {
  const cell = (plan: string, mean: number, trueBytes: number) => ({
    ...{ plan, trueBytes, averageBits: 3 },
    metrics: { selection: { mean }, other: { mean: 0 } },
  });
  const rules = [
    { family: "down", policy: "a", menus: ["2,4", "2,3,4,8"] },
    { family: "down", policy: "b", menus: ["2,3,4,8"] },
    { family: "blocks", policy: "c", menus: ["2,3,4,8"] },
    { family: "blocks", policy: "d", menus: ["2,3,4,8"] },
  ];
  const cells = [cell("a", 4, 10), cell("b", 1, 20), cell("b", 3, 22), cell("c", 2.5, 15), cell("d", 0.1, 23)];
  const measured = meanByPlan(cells, "selection");

  it("takes the mean over draws, and of the rules that fit in every draw the least KL, with the best of another family", () => {
    expect(measured.get("b")).toEqual({ kl: 2, bytes: 22, bits: 3 });
    expect(bestRule(rules, measured, { menu: "2,3,4,8", bytes: 22 })).toEqual({
      ...{ family: "down", policy: "b", kl: 2, bytes: 22, bits: 3, candidates: 3 },
      second: { family: "blocks", policy: "c", kl: 2.5 },
    });
    const twice = [...rules, { family: "all", policy: "same as b", menus: ["2,3,4,8"] }];
    const again = meanByPlan([...cells, cell("same as b", 1, 20), cell("same as b", 3, 22)], "selection");
    expect(bestRule(twice, again, { menu: "2,3,4,8", bytes: 22 })).toMatchObject({
      policy: "b",
      second: { policy: "c" },
    });
    expect(bestRule(rules, measured, { menu: "2,3,4,8", bytes: 21 })).toMatchObject({ policy: "c" });
    expect(bestRule(rules, measured, { menu: "2,4", bytes: 21 })).toMatchObject({ policy: "a" });
    expect(() => bestRule(rules, measured, { menu: "2,4", bytes: 9 })).toThrow("found none of 9 bytes");
  });
});
