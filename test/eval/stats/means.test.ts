import { describe, expect, it } from "vitest";
import { scoredWindows } from "../../../src/eval/scoring/scored-windows.ts";
import { percentile, Sample } from "../../../src/eval/stats/means.ts";

describe("Sample", () => {
  it("has mean, root mean square and standard error of a known sample", () => {
    const sample = new Sample();
    for (const value of [2, 4, 4, 4, 5, 5, 7, 9]) sample.add(value);
    expect(sample.mean).toBe(5);
    expect(sample.rms).toBeCloseTo(Math.sqrt(29), 12);
    expect(sample.stdErr).toBeCloseTo(2 / Math.sqrt(7), 12); // population deviation 2 over sqrt(n - 1)
  });

  it("is 0 without values", () => {
    expect(new Sample().stdErr).toBe(0);
  });
});

describe("percentile", () => {
  it("is linear between ranks", () => {
    const sorted = [0, 10, 20, 30];
    expect([0, 0.5, 1, 1 / 6].map((share) => percentile(sorted, share))).toEqual([0, 15, 30, 5]);
  });
});

describe("scoredWindows", () => {
  it("drops the last incomplete window, after the limit", () => {
    expect(scoredWindows([1, 2, 3, 4, 5, 6, 7], { window: 3 }, 8)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(scoredWindows([1, 2, 3, 4, 5, 6, 7], { window: 3, limit: 5 }, 8)).toEqual([[1, 2, 3]]);
  });
});
