import { describe, expect, it } from "vitest";
import { mulberry32 } from "../helpers/random.ts";
import { repositoryFile } from "../helpers/shared.ts";

interface Claim {
  readonly claim: string;
  readonly budget: number;
  readonly menu: string;
  readonly gain: number;
  readonly difference: number;
  readonly p: number;
  readonly holm: number;
}
interface Findings {
  findingsOf(study: unknown): Promise<readonly Claim[]>;
  tableOf(cells: unknown, plan: string, texts: readonly string[]): unknown;
}
const { findingsOf, tableOf } = (await import(
  repositoryFile("bench/quantmoe/study/findings.mjs")
)) as unknown as Findings;

const cellOf = (plan: string, draw: number, seed: number, windows: readonly (readonly number[])[]) => ({
  ...{ plan, seed, calibration: `draw ${draw}` },
  metrics: { near: { windows: windows[0] }, far: { windows: windows[1] } },
});

describe("the study's findings", () => {
  it("reads a plan's windows by draw, text after text, as means over seeds", () => {
    const cells = [
      cellOf("a", 1, 0, [[5], [6, 7]]),
      cellOf("a", 0, 0, [[1], [2, 3]]),
      cellOf("a", 0, 1, [[3], [4, 5]]),
    ];
    expect(tableOf(cells, "a", ["near", "far"])).toEqual({
      ...{ draws: ["draw 0", "draw 1"], strata: [1, 2] },
      table: [
        [2, 3, 4],
        [5, 6, 7],
      ],
    });
    expect(() => tableOf(cells, "b", ["near"])).toThrow("found no cell of b");
  });

  it("shows what is there, not what is not, and corrects over all claims", async () => {
    const random = mulberry32(4);
    const level: Record<string, number> = {
      narrow: 1,
      wide: 0.7,
      "knapsack:2,4 in 9 bytes": 1,
      "knapsack:2,3,4,8 in 8 bytes": 0.5,
    };
    const windowsAt = (kl: number) => [8, 6].map((n) => Array.from({ length: n }, () => kl + 0.02 * (random() - 0.5)));
    const cells = [0, 1, 2, 3, 4].flatMap((draw) => [
      ...Object.entries(level).map(([plan, kl]) => cellOf(plan, draw, 0, windowsAt(kl))),
      ...[0, 1, 2].map((seed) => cellOf("random", draw, seed, windowsAt(1.4 + 0.1 * seed))),
    ]);
    const chosen = [
      { budget: 3, menu: "2,4", policy: "narrow", bytes: 9 },
      { budget: 3, menu: "2,3,4,8", policy: "wide", bytes: 8 },
    ];
    const drawn = [{ policy: "random", budget: 3, menu: "2,3,4,8" }];
    const claims = await findingsOf({ chosen, random: drawn, cells, texts: ["near", "far"] });
    expect(claims.map(({ claim, menu, gain }) => [claim, menu, Math.round(gain * 50) / 50])).toEqual([
      ["knapsack against rule", "2,4", 0],
      ["knapsack against rule", "2,3,4,8", 0.28],
      ["menu for rules", "2,3,4,8", 0.3],
      ["menu for knapsacks", "2,3,4,8", 0.5],
      ["rule against random plans", "2,3,4,8", 0.54],
    ]);
    expect(claims[0].holm).toBeGreaterThan(0.05);
    for (const { claim, p, holm, difference } of claims.slice(1)) {
      expect(difference).toBeLessThan(0);
      // Three random plans are few units: even a difference of ten times their spread is not certain to 1 %.
      expect(holm).toBeLessThan(claim === "rule against random plans" ? 0.05 : 0.01);
      expect(holm).toBeGreaterThanOrEqual(p);
    }
  });
});
