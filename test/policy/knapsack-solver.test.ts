import { describe, expect, it } from "vitest";
import { type Choice, type KnapsackItem, knapsackCurve, solveKnapsack } from "../../src/policy/knapsack-solver.ts";
import { mulberry32 } from "../helpers/random.ts";

/** Items as linears give them: damage falls with bits, roughly by four each. */
function linears(count: number, seed: number, unit = 8): KnapsackItem[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, (_, i) => {
    const size = unit * (1 + Math.floor(random() * 6));
    const scale = 10 ** (-3 * random());
    const choices = [2, 3, 4, 8].map((bits) => ({
      bytes: size * bits + 3,
      damage: scale * 4 ** -(bits - 2) * (0.7 + 0.6 * random()),
    }));
    return { name: `linear ${i}`, choices };
  });
}

/** Least damage for every number of bytes up to the budget: exact, by dynamic programming over bytes. */
function exact(items: readonly KnapsackItem[], budget: number): number {
  let best = new Float64Array(budget + 1).fill(0);
  for (const { choices } of items) {
    const next = new Float64Array(budget + 1).fill(Number.POSITIVE_INFINITY);
    for (const { bytes, damage } of choices)
      for (let room = bytes; room <= budget; room++) next[room] = Math.min(next[room], best[room - bytes] + damage);
    best = next;
  }
  return best[budget];
}

const sum = (picks: readonly Choice[], key: keyof Choice) => picks.reduce((total, pick) => total + pick[key], 0);

describe("solveKnapsack", () => {
  it.each([1, 2, 3, 4])("finds the optimum (seed %i)", (seed) => {
    const items = linears(24, seed);
    const budget = Math.floor(
      1.7 *
        sum(
          items.map(({ choices }) => choices[0]),
          "bytes",
        ),
    );
    const found = solveKnapsack(items, budget);
    expect(found.damage).toBeCloseTo(exact(items, budget), 12);
    expect(found.bound).toBe(found.damage);
    expect(found.bytes).toBeLessThanOrEqual(budget);
    expect(found.bytes).toBe(sum(found.picks, "bytes"));
  });

  it.each([1, 2, 3, 4])("comes near the optimum and knows a bound where there are too many sums (seed %i)", (seed) => {
    // A table in bytes of this size would not fit: every item has a remainder of its own.
    const items = linears(60, seed, 1e6).map(({ name, choices }, i) => ({
      name,
      choices: choices.map((choice) => ({ ...choice, bytes: choice.bytes + i })),
    }));
    const odd = [
      {
        name: "odd",
        choices: [
          { bytes: 1, damage: 1e-9 },
          { bytes: 2, damage: 0 },
        ],
      },
    ];
    const whole = solveKnapsack(
      items,
      1.7 *
        sum(
          items.map(({ choices }) => choices[0]),
          "bytes",
        ),
    );
    const near = solveKnapsack(
      [...items, ...odd],
      1.7 *
        sum(
          items.map(({ choices }) => choices[0]),
          "bytes",
        ),
    );
    expect(whole.bound).toBe(whole.damage);
    expect(near.bound).toBeLessThan(near.damage);
    expect(near.bound).toBeLessThanOrEqual(whole.damage + 1e-9);
    expect(near.damage).toBeLessThanOrEqual(1.02 * whole.damage);
  });

  it.each([1, 2])("finds the optimum for any budget, the least and the largest too (seed %i)", (seed) => {
    const items = linears(24, seed);
    const [least, most] = [0, 3].map((choice) =>
      sum(
        items.map(({ choices }) => choices[choice]),
        "bytes",
      ),
    );
    for (const share of [0, 0.05, 0.2, 0.5, 0.8]) {
      const budget = Math.floor(least + share * (most - least));
      const found = solveKnapsack(items, budget);
      const optimum = exact(items, budget);
      expect(found.bytes).toBe(sum(found.picks, "bytes"));
      expect(found.bytes).toBeLessThanOrEqual(budget);
      expect(found.damage).toBeCloseTo(sum(found.picks, "damage"), 12);
      expect(found.bound).toBeLessThanOrEqual(optimum + 1e-12);
      expect(found.damage).toBeCloseTo(optimum, 12);
    }
  });

  it("takes choices off the hull where they fill the room", () => {
    const choices = [
      { bytes: 1, damage: 10 },
      { bytes: 2, damage: 9 },
      { bytes: 10, damage: 0 },
    ];
    expect(solveKnapsack([{ name: "a", choices }], 5).picks).toEqual([choices[1]]);
  });

  it("never pays bytes for more damage", () => {
    const choices = [
      { bytes: 1, damage: 1 },
      { bytes: 5, damage: 2 },
    ];
    expect(solveKnapsack([{ name: "a", choices }], 100)).toMatchObject({ bytes: 1, damage: 1, bound: 1 });
  });

  it("refuses a budget below the cheapest choices", () => {
    const items = [{ name: "a", choices: [{ bytes: 7, damage: 0 }] }];
    expect(() => solveKnapsack(items, 6)).toThrow("budget: found 6 bytes, expected at least 7");
    expect(solveKnapsack(items, 7).damage).toBe(0);
  });
});

describe("knapsackCurve", () => {
  it("falls ever more slowly, and meets the solution at each of its points", () => {
    const items = linears(12, 9);
    const curve = knapsackCurve(items);
    const slopes = curve.slice(1).map((point, i) => (curve[i].damage - point.damage) / (point.bytes - curve[i].bytes));
    expect([...slopes].sort((a, b) => b - a)).toEqual(slopes);
    for (const { bytes, damage } of curve) {
      const found = solveKnapsack(items, bytes);
      expect(found.damage).toBeCloseTo(damage, 9);
      expect(found.bound).toBeCloseTo(damage, 9);
    }
  });
});
