/** Made-up results of a 2 x 2 of menus and strategies, as a sweep of it would write them. No figure in it was measured. */

import type { Fields } from "./report-lines.ts";

const BUDGETS = [2.1, 2.6, 3, 4.2];
const WINDOWS = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11];

/** A knapsack leaves 10, 20, 30 and 40 % less KL than the rule of its menu, the wide menu 30 % less than the narrow one. */
export function madeUpMenus(model: string): Fields[] {
  return BUDGETS.flatMap((budget, i) =>
    [
      [2, 4],
      [2, 3, 4, 8],
    ].flatMap((menu) =>
      ["rule", "knapsack"].map((strategy) => {
        const kl = (strategy === "knapsack" ? 0.9 - 0.1 * i : 1) * 0.7 ** Number(menu.length > 2) * 2 ** -(2 * budget);
        const plan = `${strategy} ${menu.join("")} ${budget}`;
        const windows = WINDOWS.map((window) => kl * (1 + 0.01 * window));
        const policy = strategy === "rule" ? "attention:4,base:2" : "knapsack";
        const competesAt = [{ menu, budget }];
        return { model, plan, policy, strategy, competesAt, averageBits: budget, trueBytes: 1e6 * budget, windows };
      }),
    ),
  );
}
