import { describe, expect, it } from "vitest";
import { crossedDifference, crossedGain } from "../../../../src/eval/stats/crossed/crossed-difference.ts";
import { crossedMean, singleRowMean } from "../../../../src/eval/stats/crossed/crossed-mean.ts";
import { studentInterval } from "../../../../src/eval/stats/paired.ts";
import { expectClose } from "../fixture.ts";

const OURS = [
  [1, 2, 3],
  [2, 2, 5],
];
const THEIRS = [
  [2, 3, 5],
  [3, 5, 6],
];

describe("crossedDifference", () => {
  it("is the crossed mean of the differences, with the share that is left out and its spread over rows", () => {
    const found = crossedDifference({ ours: OURS, theirs: THEIRS });
    expect(found).toMatchObject(
      crossedMean([
        [-1, -1, -2],
        [-1, -3, -1],
      ]),
    );
    expectClose(found.ours, 15 / 6, 1e-15);
    expectClose(found.theirs, 24 / 6, 1e-15);
    expectClose(found.gain, 1 - 15 / 24, 1e-15);
    // 1 - 6 / 10 and 1 - 9 / 14.
    expectClose(found.spreadOfRows, (0.4 - 5 / 14) / Math.SQRT2, 1e-12);
  });

  it("of one row is Student's, and tells nothing of other rows", () => {
    const found = crossedDifference({ ours: [OURS[0]], theirs: [THEIRS[0]] });
    const interval = studentInterval({ mean: -4 / 3, stdErr: 1 / 3, n: 3 });
    for (const end of [0, 1]) expectClose(found.interval[end], interval[end], 1e-12);
    // t = -4 with 2 degrees of freedom: p = 1 - t / sqrt(t^2 + 2).
    expectClose(found.p, 1 - 4 / Math.sqrt(18), 1e-10);
    expect([found.freedom, found.spreadOfRows]).toEqual([2, 0]);
    expect(() => singleRowMean([1])).toThrow("mean of a row: found 1 values, expected at least 2");
  });

  it("of one row in strata has the windows' spread within them", () => {
    const [ours, theirs] = [[[1, 3, 10, 12, 14]], [[0, 0, 0, 0, 0]]];
    const found = crossedDifference({ ours, theirs, strata: [2, 3] });
    // Squares within: 1 + 1 and 4 + 0 + 4, over 5 - 2 degrees of freedom.
    expectClose(found.stdErr, Math.sqrt(10 / 3 / 5), 1e-12);
    expect(found.freedom).toBe(3);
  });

  it("refuses tables of different sizes", () => {
    expect(() => crossedDifference({ ours: OURS, theirs: [THEIRS[0]] })).toThrow("crossed difference: found rows of");
  });
});

describe("crossedGain", () => {
  it("of one pair is its difference over the mean of theirs", () => {
    const { mean, interval, p } = crossedDifference({ ours: OURS, theirs: THEIRS });
    const gain = crossedGain([{ ours: OURS, theirs: THEIRS }]);
    expectClose(gain.mean, -mean / 4, 1e-12);
    expectClose(gain.interval[0], -interval[1] / 4, 1e-12);
    expectClose(gain.interval[1], -interval[0] / 4, 1e-12);
    expectClose(gain.p, p, 1e-12);
  });

  it("of several is the mean of their gains, each as large as the other whatever its level", () => {
    const small = {
      ours: OURS.map((row) => row.map((value) => value / 100)),
      theirs: [THEIRS[0], THEIRS[1]].map((row) => row.map((value) => value / 50)),
    };
    const gain = crossedGain([{ ours: OURS, theirs: THEIRS }, small]);
    expectClose(gain.mean, (0.375 + (1 - 0.15 / 0.48)) / 2, 1e-12);
  });
});
