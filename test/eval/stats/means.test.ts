import { describe, expect, it } from "vitest";
import { percentile, RunningMean } from "../../../src/eval/stats/means.ts";

describe("RunningMean", () => {
  it("has mean, root mean square and standard error of a known sample", () => {
    const sample = new RunningMean();
    for (const value of [2, 4, 4, 4, 5, 5, 7, 9]) sample.add(value);
    expect(sample.mean).toBe(5);
    expect(sample.rms).toBeCloseTo(Math.sqrt(29), 12);
    expect(sample.stdErr).toBeCloseTo(2 / Math.sqrt(7), 12); // population deviation 2 over sqrt(n - 1)
  });

  it("is 0 without values", () => {
    expect(new RunningMean().stdErr).toBe(0);
  });
});

describe("percentile", () => {
  it("is linear between ranks", () => {
    const sorted = [0, 10, 20, 30];
    expect([0, 0.5, 1, 1 / 6].map((share) => percentile(sorted, share))).toEqual([0, 15, 30, 5]);
  });
});
