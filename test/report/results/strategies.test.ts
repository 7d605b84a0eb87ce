import { describe, expect, it } from "vitest";
import { rivalOf, strategyLines, strategyOf } from "../../../src/report/results/strategies.ts";
import { modelsOf } from "../report-lines.ts";

describe("strategyOf", () => {
  it("follows from the policy unless the sweep names it", () => {
    const [{ plans }] = modelsOf(
      { plan: "a", policy: "knapsack" },
      { plan: "b", policy: "uniform:3" },
      { plan: "c", policy: "attention:4,base:2+random-linears:15%@4" },
      { plan: "d", policy: "attention:4,base:2" },
      { plan: "e", policy: "uniform:3", strategy: "local search" },
    );
    expect(plans.map(strategyOf)).toEqual(["knapsack", "uniform", "random", "rule", "local search"]);
  });
});

describe("strategyLines", () => {
  it("keeps the Pareto front of rules and uniform plans, and every plan of the others", () => {
    const [model] = modelsOf(
      { plan: "u2", policy: "uniform:2", windows: [4] },
      { plan: "bad", policy: "first:1@4", trueBytes: 1500, windows: [5] },
      { plan: "good", policy: "last:1@4", trueBytes: 1600, windows: [2] },
      { plan: "k", policy: "knapsack", trueBytes: 1700, windows: [3] },
    );
    const lines = strategyLines(model).map(({ strategy, plans }) => [strategy, ...plans.map(({ name }) => name)]);
    expect(lines).toEqual([
      ["uniform", "u2"],
      ["rule", "u2", "good"],
      ["knapsack", "k"],
    ]);
  });
});

describe("rivalOf", () => {
  it("is the best rule or uniform plan of at most 0.1 % more bytes; rules have none, and plans of a design neither", () => {
    const [{ plans }] = modelsOf(
      { plan: "k", policy: "knapsack", trueBytes: 10_000 },
      { plan: "near", policy: "uniform:2", trueBytes: 10_009, windows: [3] },
      { plan: "far", policy: "first:1@4", trueBytes: 10_020, windows: [2] },
      { plan: "random", policy: "base:2+random-linears:50%@4", trueBytes: 9000, windows: [1] },
      { plan: "designed", policy: "knapsack", trueBytes: 10_500, competesAt: [{ menu: [2, 4], budget: 3 }] },
    );
    expect(plans.map((plan) => rivalOf(plan, plans)?.name)).toEqual([
      undefined,
      "near",
      undefined,
      undefined,
      undefined,
    ]);
  });
});
