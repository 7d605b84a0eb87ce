import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import {
  binomialProbability,
  binomialTest,
  clopperPearson,
  proportionInterval,
  wilson,
} from "../../../src/eval/stats/binomial.ts";
import { holm } from "../../../src/eval/stats/holm.ts";
import { chanceLevel, intervalContains } from "../../../src/eval/stats/interval.ts";
import { mcnemar, mcnemarOf } from "../../../src/eval/stats/mcnemar.ts";
import { expectClose, FIXTURE } from "./fixture.ts";

describe("binomialProbability", () => {
  it("is the formula's for few trials", () => {
    expectClose(binomialProbability(2, 5, 0.25), 10 * 0.25 ** 2 * 0.75 ** 3, 1e-14);
    expectClose(binomialProbability(0, 5, 0.25), 0.75 ** 5, 1e-14);
    expectClose(binomialProbability(5, 5, 0.25), 0.25 ** 5, 1e-14);
    expect([0, 1].map((p) => binomialProbability(3, 3, p))).toEqual([0, 1]);
    expect([0, 1].map((p) => binomialProbability(0, 0, p))).toEqual([1, 1]);
  });

  it("sums to 1", () => {
    for (const n of [1, 20, 500, 10_042]) {
      let sum = 0;
      for (let k = 0; k <= n; k++) sum += binomialProbability(k, n, 0.3);
      expectClose(sum, 1, 1e-12);
    }
  });
});

describe("binomialTest", () => {
  it.each(FIXTURE.binomialTest)("of %d among %d at %f is the exact fraction", (k, n, p, value) => {
    expectClose(binomialTest(k, n, p), value, 1e-11);
  });

  it("knows nothing without trials, and takes 1/2 unless told", () => {
    expect(binomialTest(0, 0)).toBe(1);
    expect(binomialTest(9, 10)).toBeCloseTo(22 / 1024, 14);
    expect(() => binomialTest(3, 2)).toThrow(UsageError);
    expect(() => binomialTest(1, 2, 1.5)).toThrow(UsageError);
  });
});

describe("clopperPearson", () => {
  it.each(FIXTURE.clopperPearson)("of %d among %d at %f", (k, n, level, lo, hi) => {
    const interval = clopperPearson(k, n, level);
    expectClose(interval[0], lo, 1e-12);
    expectClose(interval[1], hi, 1e-12);
  });

  it("has closed forms where all are right or wrong, and is everything without trials", () => {
    expectClose(clopperPearson(0, 10)[1], 1 - 0.025 ** 0.1, 1e-13);
    expectClose(clopperPearson(10, 10)[0], 0.025 ** 0.1, 1e-13);
    expect(clopperPearson(0, 0)).toEqual([0, 1]);
  });
});

describe("wilson", () => {
  it.each(FIXTURE.wilson)("of %d among %d at %f is statsmodels'", (k, n, level, lo, hi) => {
    const interval = wilson(k, n, level);
    expect(Math.abs(interval[0] - lo)).toBeLessThan(1e-13);
    expect(Math.abs(interval[1] - hi)).toBeLessThan(1e-13);
  });

  it("ends at 0 and 1 where all are wrong or right, and is everything without trials", () => {
    expect([wilson(0, 500)[0], wilson(500, 500)[1]]).toEqual([0, 1]);
    expect(wilson(0, 0)).toEqual([0, 1]);
  });
});

describe("proportionInterval", () => {
  it("is exact below 200 items, Wilson's from there on", () => {
    expect(proportionInterval(61, 199)).toEqual(clopperPearson(61, 199));
    expect(proportionInterval(61, 200)).toEqual(wilson(61, 200));
    expect(proportionInterval(61, 100, 0.99)).toEqual(clopperPearson(61, 100, 0.99));
  });

  it("refuses counts and levels that make no sense", () => {
    for (const [k, n] of [
      [2, 1],
      [-1, 5],
      [0.5, 5],
      [0, -1],
      [Number.NaN, 5],
    ])
      expect(() => proportionInterval(k, n)).toThrow(UsageError);
    for (const level of [0, 1, 95]) expect(() => proportionInterval(1, 2, level)).toThrow(UsageError);
  });
});

describe("coverage at 95 %", () => {
  const coverage = (n: number, p: number) => {
    let held = 0;
    for (let k = 0; k <= n; k++)
      if (intervalContains(proportionInterval(k, n), p)) held += binomialProbability(k, n, p);
    return held;
  };

  it("is never missed by exact intervals", () => {
    for (const n of [5, 40])
      for (const p of [0.001, 0.02, 0.25, 0.4, 0.5, 0.75, 0.99]) expect(coverage(n, p)).toBeGreaterThanOrEqual(0.95);
  });

  it("is missed little by the others away from 0 and 1", () => {
    for (const p of [0.05, 0.1, 0.25, 0.333, 0.5, 0.61, 0.75, 0.9])
      expect(coverage(200, p)).toBeGreaterThanOrEqual(0.934);
  });
});

describe("chance", () => {
  it("is a mean over the numbers of choices", () => {
    expect(chanceLevel([4, 4, 4])).toBe(0.25);
    expect(chanceLevel([2, 4])).toBe(0.375);
    for (const choices of [[], [0], [2.5]]) expect(() => chanceLevel(choices)).toThrow(UsageError);
  });

  it("is left behind by an interval that does not hold it, ends included", () => {
    expect(intervalContains([0.2, 0.3], 0.25)).toBe(true);
    expect(intervalContains([0.25, 0.3], 0.25)).toBe(true);
    expect(intervalContains([0.26, 0.3], 0.25)).toBe(false);
    expect(intervalContains([0.1, 0.2], 0.25)).toBe(false);
  });
});

describe("mcnemar", () => {
  it.each(FIXTURE.mcnemar)("of $b and $c is $method", ({ b, c, method, statistic, p }) => {
    const found = mcnemar(b, c);
    expect([found.b, found.c, found.method]).toEqual([b, c, method]);
    expectClose(found.p, p, 1e-12);
    expect(found.statistic === undefined).toBe(statistic === undefined);
    if (found.statistic !== undefined && statistic !== undefined) expectClose(found.statistic, statistic, 1e-14);
  });

  it("sees no difference where both sides are equal, the correction not reaching beyond 0", () => {
    expect(mcnemar(30, 30)).toEqual({ b: 30, c: 30, statistic: 0, p: 1, method: "chi-square" });
    expect(mcnemar(7, 7).p).toBe(1);
  });

  it("counts the pairs", () => {
    expect(mcnemarOf([1, 1, 0, 0, 1], [1, 0, 1, 0, 0])).toMatchObject({ b: 2, c: 1, p: 1 });
    expect(() => mcnemarOf([1, 0], [1])).toThrow(UsageError);
    expect(() => mcnemarOf([1, 0.5], [1, 0])).toThrow(UsageError);
  });
});

describe("holm", () => {
  it.each(FIXTURE.holm)("of $p is statsmodels'", ({ p, adjusted }) => {
    holm(p).forEach((value, i) => {
      expectClose(value, adjusted[i], 1e-14);
    });
  });

  it("adjusts nothing where nothing is, and refuses what is no probability", () => {
    expect(holm([])).toEqual([]);
    expect(() => holm([0.1, 1.2])).toThrow(UsageError);
  });
});
