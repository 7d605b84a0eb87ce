import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { meanWithError, pooledStdErr, weightedMean } from "../../../src/eval/stats/standard-error.ts";
import { expectClose, FIXTURE, RUNS } from "./fixture.ts";

describe("meanWithError", () => {
  it.each(FIXTURE.meanWithError)("of $of is numpy's and scipy's", ({ of, mean, stdErr }) => {
    const { ours } = of === "ours" ? RUNS.real : RUNS.binary;
    const found = meanWithError(ours);
    expect(found.n).toBe(ours.length);
    expectClose(found.mean, mean, 1e-14);
    expectClose(found.stdErr, stdErr, 1e-14);
  });

  it("has no error where one value or equal values are", () => {
    expect(meanWithError([3])).toEqual({ mean: 3, stdErr: 0, n: 1 });
    expect(meanWithError([1, 1, 1])).toEqual({ mean: 1, stdErr: 0, n: 3 });
    expectClose(meanWithError([0, 1]).stdErr, 0.5, 1e-15);
  });

  it("refuses no values, and values that are no numbers", () => {
    for (const values of [[], [1, Number.NaN], [Number.NEGATIVE_INFINITY]])
      expect(() => meanWithError(values)).toThrow(UsageError);
  });
});

describe("groups", () => {
  it.each(FIXTURE.pooledStdErr)("of $sizes items have the harness's pooled error", ({ stdErrs, sizes, value }) => {
    expectClose(pooledStdErr(stdErrs, sizes), value, 1e-14);
  });

  it("have the mean of their items", () => {
    expect(weightedMean([0.5, 1], [2, 6])).toBe(0.875);
  });

  it("of one item each tell nothing", () => {
    expect(pooledStdErr([0, 0], [1, 1])).toBe(0);
  });

  it("refuse what does not fit", () => {
    expect(() => pooledStdErr([0.1, 0.2], [10])).toThrow(UsageError);
    expect(() => pooledStdErr([0.1], [0])).toThrow(UsageError);
    expect(() => weightedMean([], [])).toThrow(UsageError);
  });
});
