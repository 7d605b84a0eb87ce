import { describe, expect, it } from "vitest";
import { crossedDifference } from "../../../src/eval/stats/crossed/crossed-difference.ts";
import { type ClaimGroup, claimsOf } from "../../../src/report/results/claims.ts";
import { comparePlans } from "../../../src/report/results/differences.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { madeUpMenus } from "../made-up-menus.ts";
import { type Fields, modelsOf } from "../report-lines.ts";

const named = ({ kind, strategy, menu, against, claims }: ClaimGroup) =>
  `${kind} ${strategy} ${menu} ${against} ${claims.length}`;
const PLACE = [{ menu: [2, 4], budget: 3 }];
/** A cell with two windows of one text and three of another. */
const cell = (
  plan: string,
  draw: number,
  seed: number,
  [near, far]: readonly (readonly number[])[],
  more: object = {},
): Fields => ({
  ...{ plan, seed, calibration: `draw ${draw}`, policy: plan, competesAt: PLACE },
  metrics: Object.fromEntries(
    Object.entries({ near, far }).map(([text, windows]) => {
      const mean = windows.reduce((sum, value) => sum + value, 0) / windows.length;
      return [text, { type: "kl", mean, stdErr: 0, windows }];
    }),
  ),
  ...more,
});

describe("claimsOf", () => {
  it("compares strategies with rules, wider menus with narrower ones, and rules with random plans", () => {
    const [model] = modelsOf(...madeUpMenus("m"));
    expect(claimsOf(model).map(named)).toEqual([
      "rule knapsack {2, 4} {2, 4} 4",
      "rule knapsack {2, 3, 4, 8} {2, 3, 4, 8} 4",
      "menu rule {2, 3, 4, 8} {2, 4} 4",
      "menu knapsack {2, 3, 4, 8} {2, 4} 4",
      "random rule {2, 4} {2, 4} 3",
      "random rule {2, 3, 4, 8} {2, 3, 4, 8} 3",
    ]);
    expect(claimsOf(modelsOf({ plan: "k", policy: "knapsack" }, { plan: "r", policy: "first:1@4" })[0])).toEqual([]);
  });

  it("takes windows text after text, means over seeds, and the draws that both plans have", () => {
    const rows = {
      a: [
        [1, 2],
        [3, 4, 5],
      ],
      b: [
        [2, 4],
        [6, 8, 10],
      ],
      c: [
        [9, 9],
        [9, 9, 9],
      ],
    };
    const [model] = modelsOf(
      cell("knapsack", 0, 0, rows.a),
      cell("knapsack", 1, 0, rows.a),
      cell("knapsack", 1, 1, rows.b),
      cell("knapsack", 2, 0, rows.c),
      cell("rule", 0, 0, rows.b),
      cell("rule", 1, 0, rows.c),
    );
    const [group] = claimsOf(model);
    const flat = (windows: readonly (readonly number[])[]) => windows.flat();
    const mean = flat(rows.a).map((value, i) => (value + flat(rows.b)[i]) / 2);
    expect(group.claims[0].found).toEqual(
      crossedDifference({ ours: [flat(rows.a), mean], theirs: [flat(rows.b), flat(rows.c)], strata: [2, 3] }),
    );
    expect(group.size).toEqual([2, 5]);
    expect([...group.texts.keys()]).toEqual(["near", "far"]);
    // On the near text: 1.5 against 3, and 2.25 against 9.
    expect(group.texts.get("near")?.mean).toBeCloseTo(1 - (1.5 + 2.25) / (3 + 9), 12);
  });

  it("crosses draws with the seeds of random plans", () => {
    const value = (kl: number) => [
      [kl, kl],
      [kl, kl, kl],
    ];
    const draws = [0, 1, 2];
    const [model] = modelsOf(
      ...draws.map((draw) => cell("rule", draw, 0, value(1 + draw))),
      ...draws.flatMap((draw) =>
        [0, 1].map((seed) => cell("base:2+random-linears:9%@4", draw, seed, value(2 + draw + 3 * seed * draw))),
      ),
    );
    const [group] = claimsOf(model);
    expect(named(group)).toBe("random rule {2, 4} {2, 4} 1");
    const tables = {
      ours: draws.map((draw) => [1 + draw, 1 + draw]),
      theirs: draws.map((draw) => [2 + draw, 2 + 4 * draw]),
    };
    expect(group.claims[0].found).toEqual(crossedDifference(tables));
    expect(group.size).toEqual([3, 2]);
  });

  it("leaves out a place whose plans share no draw or have other windows", () => {
    const short = [[1, 2], [3]];
    const whole = [
      [1, 2],
      [3, 4, 5],
    ];
    const [model] = modelsOf(cell("knapsack", 0, 0, short), cell("rule", 0, 0, whole));
    expect(claimsOf(model)).toEqual([]);
    const [apart] = modelsOf(cell("knapsack", 0, 0, whole), cell("rule", 1, 0, whole));
    expect(claimsOf(apart)).toEqual([]);
  });

  it("shows what is there, not what is not, with p corrected over all claims and means together", async () => {
    const random = mulberry32(4);
    const level = {
      "knapsack:2,4": 1,
      "knapsack:2,3,4,8": 0.5,
      "attention:4,base:2": 1,
      "attention:4,base:2+first:1@3": 0.7,
    };
    const windowsAt = (kl: number) => [8, 6].map((n) => Array.from({ length: n }, () => kl + 0.02 * (random() - 0.5)));
    const cells = [0, 1, 2, 3, 4].flatMap((draw) => [
      ...Object.entries(level).map(([plan, kl]) => {
        const menu = /8|@3/.test(plan) ? [2, 3, 4, 8] : [2, 4];
        return cell(plan, draw, 0, windowsAt(kl), { competesAt: [{ menu, budget: 3 }] });
      }),
      ...[0, 1, 2].map((seed) =>
        cell("base:2+random-linears:9%@3", draw, seed, windowsAt(1.4 + 0.1 * seed), {
          competesAt: [{ menu: [2, 3, 4, 8], budget: 3 }],
        }),
      ),
    ]);
    const { claims, certainty, tests } = await comparePlans(modelsOf(...cells), new AbortController().signal);
    const groups = [...claims.values()].flat();
    expect(tests).toBe(10);
    const gains = groups.map((group) => [named(group), Math.abs(Math.round(50 * (group.gain?.mean ?? 0)) / 50)]);
    expect(gains).toEqual([
      ["rule knapsack {2, 4} {2, 4} 1", 0],
      ["rule knapsack {2, 3, 4, 8} {2, 3, 4, 8} 1", 0.28],
      ["menu rule {2, 3, 4, 8} {2, 4} 1", 0.3],
      ["menu knapsack {2, 3, 4, 8} {2, 4} 1", 0.5],
      ["random rule {2, 3, 4, 8} {2, 3, 4, 8} 1", 0.54],
    ]);
    const sure = groups.map((group) => certainty.get(group.claims[0]));
    expect(sure.map((one) => one?.shown)).toEqual([false, true, true, true, true]);
    for (const [
      i,
      {
        claims: [{ found }],
      },
    ] of groups.entries())
      expect(sure[i]?.adjusted).toBeGreaterThanOrEqual(found.p);
  });
});
