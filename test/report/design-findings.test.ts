import { describe, expect, it } from "vitest";
import { findingsOf } from "../../src/report/findings.ts";
import { comparePlans } from "../../src/report/results/differences.ts";
import { madeUpMenus } from "./made-up-menus.ts";
import { type Fields, modelsOf } from "./report-lines.ts";

async function found(...lines: readonly Fields[]) {
  const models = modelsOf(...lines);
  return findingsOf(models, await comparePlans(models, new AbortController().signal));
}

describe("findings of a designed comparison", () => {
  it("state for each menu how much less KL the knapsack leaves than the rule, at how many budgets, and how certain that is", async () => {
    const { main } = await found(...madeUpMenus("m", { chance: 0.001 }));
    // Made up with 10, 20, 30 and 40 % less KL.
    expect(main.map(({ claim }) => claim)).toEqual(
      ["{2, 4}", "{2, 3, 4, 8}"].map(
        (menu) =>
          `The knapsack leaves 25 % less KL than the best rule with the same menu ${menu} on the mean of 4 budgets, ` +
          "from 10 % less at 2.1 bits to 40 % less at 4.2 bits.",
      ),
    );
    // Windows of the two texts differ by their levels, which counts as chance.
    for (const { figure, certainty } of main) {
      expect(figure).toBe("25 % less KL");
      expect(certainty).toBe(
        "95 %: 25 to 25 % less; corrected p < 0.001. Lower at 4 of 4 budgets, shown at 4 (corrected p at most < 0.001). " +
          "Unit: 3 draws of calibration tokens and 40 windows of 2 texts, both random.",
      );
    }
  });

  it("go on with texts, menus, random plans and predictions", async () => {
    const { further } = await found(...madeUpMenus("m", { chance: 0.001 }));
    expect(further.map(({ figure }) => figure)).toEqual([
      "25 to 25 % less",
      "30 % less KL",
      "33 % less KL",
      "10 % off",
    ]);
    const [texts, menus, random, prediction] = further;
    expect(texts.claim).toContain("with {2, 4} 25 % less on stories (25 to 25 %), 25 % less on novels (25 to 25 %)");
    expect(menus.claim).toBe(
      "The best rules leave 30 % less KL, knapsacks 30 % less with the menu {2, 3, 4, 8} than with {2, 4} at the same budget on the mean of 4 budgets.",
    );
    // Random plans have 1.4 and 1.6 times the rule's KL.
    expect(random.claim).toBe(
      "The best rule leaves 33 % less KL with {2, 4}, 33 % less with {2, 3, 4, 8} than random plans of the same menu and budget on the mean of 3 budgets.",
    );
    expect(random.certainty).toContain("3 draws of calibration tokens and 2 random plans, both random");
    expect(prediction.claim).toMatch(
      /^The KL that the knapsack expects is 10 % off on the mean of 8 plans: from 10 % too high at /,
    );
  });

  it("hold predictions against text that is for them, and compare no plans on it", async () => {
    const cells = madeUpMenus("m", { chance: 0.001 });
    const own = cells.map((cell) => {
      const metrics = cell["metrics"] as Readonly<
        Record<string, { readonly mean: number; readonly windows: readonly number[] }>
      >;
      // Stories have 1 / 1.3 of the mean over both texts, to which the made-up predictions add 10 %.
      const { stories } = metrics;
      return { ...cell, metrics: { ...metrics, own: { ...stories, forPrediction: true } } };
    });
    const [{ further: before, main }, after] = [await found(...cells), await found(...own)];
    expect(after.main).toEqual(main);
    expect(after.further.slice(0, -1)).toEqual(before.slice(0, -1));
    const { figure, certainty } = after.further[after.further.length - 1];
    expect(figure).toBe("43 % off");
    expect(certainty).toContain("measured on other text of the same kind");
  });

  it("say of one draw that windows alone are random, and count no difference that chance explains", async () => {
    const menu = [2, 4];
    const windows = [1, 2, 3, 4, 5, 6];
    const at = { competesAt: [{ menu, budget: 3 }], averageBits: 3 };
    const { main } = await found(
      { plan: "r", policy: "first:1@4", ...at, windows },
      { plan: "k", policy: "knapsack:2,4", ...at, windows: windows.map((kl, i) => kl + (i % 2 === 0 ? 0.5 : -0.4)) },
    );
    expect(main).toEqual([
      {
        model: "m",
        figure: "1 % more KL",
        claim: "The knapsack leaves 1 % more KL than the best rule with the same menu {2, 4} at 3 bits.",
        certainty: expect.stringMatching(
          /Lower at 0 of 1 budget, shown at none\. Unit: a window of text \(6\), one draw of calibration tokens\.$/,
        ),
      },
    ]);
  });
});
