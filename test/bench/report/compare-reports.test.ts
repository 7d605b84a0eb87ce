import { describe, expect, it } from "vitest";
import { compareBenches } from "../../../src/bench/report/compare-reports.ts";
import { fixedReport, fixedResult } from "./reports.ts";

const one = (...result: Parameters<typeof fixedResult>) => fixedReport([fixedResult(...result)]);

describe("compareBenches", () => {
  it("gives the ratio of the means and Welch's interval of its logarithm", () => {
    // Relative errors of 2 % in four samples each: 1e-4 + 1e-4 under the root, 6 degrees of freedom, t = 2.446912 (tables).
    const { tests, level } = compareBenches(one("tg64", 100, 2, 4), one("tg64", 110, 2.2, 4));
    expect(level).toBe(0.95);
    expect(tests).toHaveLength(1);
    const [{ ratio, interval, verdict, a, b }] = tests;
    expect(ratio).toBeCloseTo(1.1, 12);
    expect(interval?.[0]).toBeCloseTo(1.062586, 6);
    expect(interval?.[1]).toBeCloseTo(1.138731, 6);
    expect(verdict).toBe("faster");
    expect([a, b]).toEqual([
      { mean: 100, sd: 2, n: 4 },
      { mean: 110, sd: 2.2, n: 4 },
    ]);
  });

  it("takes the degrees of freedom from the side that varies", () => {
    // Only b varies: Welch's freedom is its n - 1 = 1, t = 12.7062 (tables), and 1 % / sqrt(2) is the error.
    const [{ interval }] = compareBenches(one("pp8", 50, 0, 9), one("pp8", 50, 0.5, 2)).tests;
    expect(interval?.[1]).toBeCloseTo(Math.exp((12.7062 * 0.01) / Math.sqrt(2)), 5);
  });

  it("says where the interval contains 1", () => {
    const [{ verdict, interval }] = compareBenches(one("tg64", 100, 8, 4), one("tg64", 104, 8, 4)).tests;
    expect(verdict).toBe("same");
    expect(interval?.[0]).toBeLessThan(1);
    expect(interval?.[1]).toBeGreaterThan(1);
  });

  it("knows that less time is faster", () => {
    const verdictOf = (ms: number) =>
      compareBenches(one("gptq", 100, 1, 5, "ms"), one("gptq", ms, 1, 5, "ms")).tests[0].verdict;
    expect([verdictOf(50), verdictOf(200)]).toEqual(["faster", "slower"]);
    expect(compareBenches(one("tg", 100, 1, 5), one("tg", 50, 1, 5)).tests[0].verdict).toBe("slower");
  });

  it("has no interval for single samples, and a point for equal ones", () => {
    expect(compareBenches(one("open", 10, 0, 1, "ms"), one("open", 5, 0, 1, "ms")).tests[0]).toMatchObject({
      ratio: 0.5,
      interval: null,
      verdict: null,
    });
    expect(compareBenches(one("tg", 10, 0, 3), one("tg", 10, 0, 3)).tests[0]).toMatchObject({
      interval: [1, 1],
      verdict: "same",
    });
  });

  it("names what only one of them has, and what else differs", () => {
    const a = fixedReport([fixedResult("tg64", 1, 0, 2), fixedResult("pp8", 1, 0, 2)]);
    const b = fixedReport([fixedResult("tg64", 1, 0, 2), fixedResult("pp16", 1, 0, 2)]);
    const other = { ...b, engine: { ...b.engine, threads: 1 }, runtime: "bun 1.4.5", hash: "f".repeat(64) };
    const found = compareBenches(a, other);
    expect([found.onlyA, found.onlyB]).toEqual([["pp8"], ["pp16"]]);
    expect(found.differences).toEqual([
      "runtime: node 24.1.0 and bun 1.4.5",
      "threads: 2 and 1",
      "hash of what they compute: 0123456789ab and ffffffffffff",
    ]);
    expect(found.hash).toBeNull();
    expect(compareBenches(a, b)).toMatchObject({ differences: [], hash: a.hash });
    const words = { ...b, engine: { ...b.engine, dots: "words" as const, patience: 0 } };
    expect(compareBenches(a, words).differences).toEqual([
      "kernels: relaxed (unsigned) and relaxed (words)",
      "patience of threads: 200 us and 0 us",
    ]);
  });

  it("refuses benchmarks without a common test, and other levels", () => {
    expect(() => compareBenches(one("tg64", 1, 0, 2), one("pp8", 1, 0, 2))).toThrow(
      "tests of two benchmarks: found tg64 and pp8, expected at least one that both have",
    );
    expect(() => compareBenches(one("a", 1, 0, 2), one("a", 1, 0, 2, "ms"))).toThrow("at least one that both have");
    expect(() => compareBenches(one("a", 1, 0, 2), one("a", 1, 0, 2), 95)).toThrow("level: found 95");
  });
});
