import { describe, expect, it } from "vitest";
import { rivalOf, strategyLines, strategyOf } from "../../../src/report/results/strategies.ts";
import { madeUpMenus } from "../made-up-menus.ts";
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
  it("has a line for each strategy with each menu, and none for plans that state no menu", () => {
    const [model] = modelsOf(...madeUpMenus("m"), { model: "m", plan: "u", policy: "uniform:2" });
    const lines = strategyLines(model).map(({ strategy, menu, plans }) => `${strategy} ${menu}: ${plans.length}`);
    expect(lines).toEqual(["rule {2, 4}: 4", "rule {2, 3, 4, 8}: 4", "knapsack {2, 4}: 4", "knapsack {2, 3, 4, 8}: 4"]);
  });

  it("keeps of the rules of one budget the one with the least KL", () => {
    const rule = { policy: "attention:4,base:2", competesAt: [{ menu: [2, 4], budget: 3 }] };
    const [model] = modelsOf({ plan: "worse", windows: [2], ...rule }, { plan: "better", windows: [1], ...rule });
    expect(strategyLines(model).map(({ plans }) => plans.map(({ name }) => name))).toEqual([["better"]]);
  });

  it("without budgets keeps the Pareto front of rules and uniform plans, and every plan of the others", () => {
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
  it("is the best rule of the same menu within the budget", () => {
    const [{ plans }] = modelsOf(...madeUpMenus("m"));
    const rivals = plans.flatMap((plan) => rivalOf(plan, plans)?.name ?? []);
    const budgets = [2.1, 2.6, 3, 4.2];
    expect(rivals).toEqual(budgets.flatMap((budget) => [`rule 24 ${budget}`, `rule 2348 ${budget}`]));
  });

  it("without budgets is the best rule or uniform plan of at most 0.1 % more bytes; rules have none", () => {
    const [{ plans }] = modelsOf(
      { plan: "k", policy: "knapsack", trueBytes: 10_000 },
      { plan: "near", policy: "uniform:2", trueBytes: 10_009, windows: [3] },
      { plan: "far", policy: "first:1@4", trueBytes: 10_020, windows: [2] },
      { plan: "random", policy: "base:2+random-linears:50%@4", trueBytes: 9000, windows: [1] },
    );
    expect(plans.map((plan) => rivalOf(plan, plans)?.name)).toEqual([undefined, "near", undefined, undefined]);
  });
});
