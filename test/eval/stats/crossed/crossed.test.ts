import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { crossedBootstrap } from "../../../../src/eval/stats/crossed/crossed-bootstrap.ts";
import { type CrossedMean, crossedMean, singleRowMean } from "../../../../src/eval/stats/crossed/crossed-mean.ts";
import { repositoryFile } from "../../../helpers/shared.ts";
import { expectClose } from "../fixture.ts";

interface Expected {
  readonly mean: number;
  readonly stdErr: number;
  readonly freedom: number;
  readonly interval: readonly number[];
  readonly p: number;
}

interface Case {
  readonly table: readonly (readonly number[])[];
  readonly strata: readonly number[];
  readonly anova: Expected;
  /** What each row adds in each stratum, and the result for the table with it. */
  readonly levels: readonly (readonly number[])[];
  readonly within: Expected;
  readonly mixed: Readonly<Record<"mean" | "stdErr" | "rows" | "columns" | "rest", number>>;
  readonly pigeonhole: { readonly interval: readonly number[]; readonly stdDev: number };
}

/** test/fixtures/eval/README.md says which tools these are of. */
const CASES: readonly Case[] = JSON.parse(readFileSync(repositoryFile("test/fixtures/eval/crossed.json"), "utf8"));
const sizeOf = ({ table }: Case) => `${table.length} x ${table[0].length}`;

describe.each(CASES.map((known) => ({ size: sizeOf(known), ...known })))("a crossed design of $size", (known) => {
  it("has the error, interval and p of an analysis of variance", () => {
    expectMean(crossedMean(known.table), known.anova);
  });

  it("has them within strata of other levels, which suit rows differently", () => {
    const table = levelled(known);
    expectMean(crossedMean(table, { strata: known.strata }), known.within);
    // What all rows have in common in a stratum is no chance, so it changes the mean alone.
    const higher = table.map((row) => row.map((value, column) => value + (column < known.strata[0] ? 100 : 0)));
    expectClose(crossedMean(higher, { strata: known.strata }).stdErr, known.within.stdErr, 1e-9);
  });

  it("has the variances of a mixed model that was fitted by restricted maximum likelihood", () => {
    const { mean, stdErr, variances } = crossedMean(known.table);
    expectClose(mean, known.mixed.mean, 1e-6);
    expectClose(stdErr, known.mixed.stdErr, 1e-4);
    for (const part of ["rows", "columns", "rest"] as const) expectClose(variances[part], known.mixed[part], 1e-3);
  });

  it("is resampled as another generator resamples it, to within the chance of 20 000 resamples", async () => {
    const { interval, mean, p } = await crossedBootstrap(known.table, { samples: 20_000, strata: known.strata });
    expectClose(mean, known.anova.mean, 1e-12);
    for (const end of [0, 1])
      expect(Math.abs(interval[end] - known.pigeonhole.interval[end])).toBeLessThan(0.06 * known.pigeonhole.stdDev);
    expect(p).toBeGreaterThan(0);
    expect(p).toBeLessThanOrEqual(1);
  });
});

function expectMean({ mean, stdErr, freedom, interval, p }: CrossedMean, expected: Expected) {
  expectClose(mean, expected.mean, 1e-12);
  expectClose(stdErr, expected.stdErr, 1e-10);
  expectClose(freedom, expected.freedom, 1e-10);
  expectClose(p, expected.p, 1e-8);
  for (const end of [0, 1]) expectClose(interval[end], expected.interval[end], 1e-8);
}

/** The table with the level of each row in each stratum. */
function levelled({ table, strata, levels }: Case): number[][] {
  const stratumOf = strata.flatMap((size, stratum) => new Array<number>(size).fill(stratum));
  return table.map((row, r) => row.map((value, column) => value + levels[r][stratumOf[column]]));
}

describe("crossedMean", () => {
  it("tells no difference and one without any spread", () => {
    const of = (value: number) => crossedMean([0, 0].map(() => [value, value, value]));
    expect(of(0)).toMatchObject({ mean: 0, stdErr: 0, p: 1 });
    expect(of(2)).toMatchObject({ mean: 2, stdErr: 0, p: 0, interval: [2, 2] });
  });

  it("counts a negative variance as 0, so that the error is that of the rest at least", () => {
    // Rows have the same mean although the rest is large: the mean square of rows is 0.
    const { variances, stdErr } = crossedMean([
      [1, -1, 1, -1],
      [-1, 1, -1, 1],
    ]);
    expect(variances).toEqual({ rows: 0, columns: 0, rest: 8 / 3 });
    expect(stdErr).toBeCloseTo(Math.sqrt(8 / 3 / 8), 12);
  });

  it("grows with the rows' own spread, which pairs of windows do not see", () => {
    const windows = Array.from({ length: 50 }, (_, i) => Math.sin(i) / 10);
    const apart = crossedMean([-1, 0, 1, 2].map((draw) => windows.map((value) => value + draw)));
    expect(apart.stdErr).toBeGreaterThan(0.6);
    expect(apart.freedom).toBeLessThan(3.1);
    expect(apart.p).toBeGreaterThan(0.4);
  });
});

describe("both", () => {
  it.each([
    [[[1, 2], [3]], "row 1: found 1 values, expected 2"],
    [
      [
        [1, Number.NaN],
        [3, 4],
      ],
      "row 0, value 1: found NaN",
    ],
    [[[1, 2]], "found 1 x 2 values"],
  ])("refuse %j", (table, told) => {
    expect(() => crossedMean(table)).toThrow(told);
  });

  it("refuse strata that do not add up", async () => {
    await expect(crossedBootstrap([[1, 2, 3]], { strata: [1, 1] })).rejects.toThrow("add up to the 3 columns");
    await expect(crossedBootstrap([[1, 2, 3]], { strata: [0, 3] })).rejects.toThrow("numbers from 1");
    await expect(crossedBootstrap([])).rejects.toThrow("add up to the 0 columns");
    const table = [
      [1, 2, 3],
      [2, 3, 5],
    ];
    expect(() => crossedMean(table, { strata: [1, 1] })).toThrow("add up to the 3 columns");
    expect(() => crossedMean(table, { strata: [1, 1, 1] })).toThrow("one of them with at least 2 columns");
    expect(() => singleRowMean(table[0], { strata: [3, 0] })).toThrow("numbers from 1");
  });

  it("give the same for the same seed, and follow the strata", async () => {
    const table = [[0, 0, 10, 10]];
    const once = await crossedBootstrap(table, { samples: 500, strata: [2, 2] });
    expect(once).toEqual(await crossedBootstrap(table, { samples: 500, strata: [2, 2] }));
    // Within each text all windows are alike, so nothing varies.
    expect(once.interval).toEqual([5, 5]);
    const mixed = await crossedBootstrap(table, { samples: 500 });
    expect(mixed.interval[0]).toBeLessThan(3);
  });
});
