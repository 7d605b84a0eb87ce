/** Made-up results of a 2 x 2 of menus and strategies, as a sweep of it would write them. No figure in it was measured. */

import { mulberry32 } from "../helpers/random.ts";
import type { Fields } from "./report-lines.ts";

const MENUS = [
  [2, 4],
  [2, 3, 4, 8],
];
const TEXTS = { stories: 16, novels: 24 };

interface Size {
  readonly budgets?: readonly number[];
  readonly draws?: number;
  readonly seeds?: number;
  /** Share by which a window on a draw differs by chance. */
  readonly chance?: number;
}

/**
 * A knapsack leaves 10, 20, 30 ... % less KL than the rule of its menu, budget by budget, the wide menu 30 % less than the narrow one, random plans 40 to 60 %
 * more than the rule. KL on novels is 1.5 times that on stories. Knapsacks expect 10 % more KL than they have.
 */
export function madeUpMenus(
  model: string,
  { budgets = [2.1, 2.6, 3, 4.2], draws = 3, seeds = 2, chance = 0.02 }: Size = {},
): Fields[] {
  const random = mulberry32(7);
  const vary = (share: number) => 1 + share * (2 * random() - 1);
  const textsOf = (kl: number) =>
    Object.fromEntries(
      Object.entries(TEXTS).map(([text, count], i) => {
        const windows = Array.from({ length: count }, () => kl * (1 + 0.5 * i) * vary(chance));
        const mean = windows.reduce((sum, value) => sum + value, 0) / count;
        return [text, { type: "kl", mean, stdErr: mean / 20, windows, sameTop: 0.9 }];
      }),
    );
  const cells = (plan: Fields, kl: number, ofPlan: readonly number[] = [0]): Fields[] =>
    Array.from({ length: draws }, (_, draw) => {
      const ofDraw = kl * vary(chance);
      return ofPlan.map((seed) => ({ model, calibration: `draw ${draw}`, seed, ...plan, metrics: textsOf(ofDraw) }));
    }).flat();
  const ruleKl = (menu: number, budget: number) => 0.7 ** menu * 3 * 2 ** -(1.5 * budget);
  const size = (bits: number) => ({ averageBits: bits, trueBytes: Math.round(1e6 * (1 + bits)) });
  const placed = budgets.flatMap((budget, i) =>
    MENUS.flatMap((menu, m) => {
      const competesAt = [{ menu, budget }];
      const kl = ruleKl(m, budget);
      const gain = Math.min(0.1 + 0.1 * i, 0.45);
      const rule = {
        plan: `rule ${menu.join("")} ${budget}`,
        policy: `attention:4,base:2+importance:${i + 1}@${3 + m}`,
      };
      const knapsack = { plan: `knapsack ${menu.join("")} ${budget}`, policy: `knapsack:${menu.join(",")}` };
      return [
        ...cells({ ...rule, strategy: "rule", family: "blocks by cosine", competesAt, ...size(budget - 0.02) }, kl),
        ...cells(
          {
            ...knapsack,
            strategy: "knapsack",
            competesAt,
            ...size(budget - 0.025),
            predictedKl: 1.1 * 1.3 * (1 - gain) * kl,
          },
          (1 - gain) * kl,
        ),
      ];
    }),
  );
  const uniform = [2, 3, 4].flatMap((bits) =>
    cells({ plan: `uniform:${bits}`, policy: `uniform:${bits}`, ...size(bits) }, 3.2 * 2 ** -(1.45 * bits)),
  );
  const controls = MENUS.flatMap((menu, m) =>
    budgets.slice(1, 4).flatMap((budget) => {
      const policy = `attention:4,base:2+random-linears:${10 * budget}%@${4 - m}`;
      const competesAt = [{ menu, budget }];
      const plan = { plan: policy, policy, strategy: "random", competesAt, ...size(budget - 0.02) };
      return Array.from({ length: seeds }, (_, seed) =>
        cells(plan, ruleKl(m, budget) * (1.4 + (0.2 * seed) / Math.max(1, seeds - 1)), [seed]),
      ).flat();
    }),
  );
  return [...placed, ...uniform, ...controls];
}
