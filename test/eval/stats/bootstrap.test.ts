import { describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { bootstrapMean, pairedBootstrap } from "../../../src/eval/stats/bootstrap.ts";
import { comparePaired, studentInterval } from "../../../src/eval/stats/paired.ts";
import { meanWithError } from "../../../src/eval/stats/standard-error.ts";
import { expectClose, FIXTURE, RUNS } from "./fixture.ts";

const expectEnds = (found: readonly number[], expected: readonly number[], tolerance: number) =>
  found.forEach((end, i) => {
    expect(Math.abs(end - expected[i])).toBeLessThan(tolerance);
  });

describe.each(FIXTURE.bootstrap)("bootstrap of $of values, seed $seed", (expected) => {
  const { samples, seed, level } = expected;
  const { ours, baseline } = RUNS[expected.of];

  it("is what another program finds by the documented steps", async () => {
    const mean = await bootstrapMean(ours, { samples, seed, level });
    const paired = await pairedBootstrap(ours, baseline, { samples, seed, level });
    expectEnds(mean.interval, expected.mean, 1e-13);
    expectEnds(paired.interval, expected.difference, 1e-13);
    expect(paired.p).toBe(expected.p);
    expect(mean).toMatchObject({ mean: meanWithError(ours).mean, samples, seed, level });
  });

  it("agrees with numpy's own resampling as closely as so many resamples can", async () => {
    const mean = await bootstrapMean(ours, { seed: seed + 1, level });
    const paired = await pairedBootstrap(ours, baseline, { seed: seed + 1, level });
    // An end of 10 000 resamples has a standard deviation of 0.03 (95 %) to 0.05 (99 %) standard errors; outcomes move in steps.
    const differences = meanWithError(ours.map((value, i) => value - baseline[i]));
    const step = expected.of === "binary" ? 1 / ours.length : 0;
    expectEnds(mean.interval, expected.numpy.mean, 0.2 * meanWithError(ours).stdErr + step);
    expectEnds(paired.interval, expected.numpy.difference, 0.2 * differences.stdErr + step);
    expect(Math.abs(paired.p - expected.numpy.p)).toBeLessThan(8 * Math.sqrt(expected.numpy.p / 2 / 10_000));
  });
});

describe("bootstrapMean", () => {
  const { ours } = RUNS.real;

  it("gives the same bits for the same seed, another interval for another", async () => {
    const [one, same, other] = await Promise.all([4, 4, 5].map((seed) => bootstrapMean(ours, { seed, samples: 500 })));
    expect(same).toEqual(one);
    expect(other.mean).toBe(one.mean);
    expect(other.interval).not.toEqual(one.interval);
  });

  it("takes 10 000 resamples, seed 0 and 95 % unless told", async () => {
    expect(await bootstrapMean([2])).toEqual({ mean: 2, interval: [2, 2], samples: 10_000, seed: 0, level: 0.95 });
  });

  it("is a point where all are right or all are wrong", async () => {
    for (const value of [0, 1])
      expect((await bootstrapMean(new Array<number>(30).fill(value), { samples: 50 })).interval).toEqual([
        value,
        value,
      ]);
  });

  it("refuses what makes no sense", async () => {
    await expect(bootstrapMean([])).rejects.toThrow(UsageError);
    await expect(bootstrapMean([1, Number.NaN])).rejects.toThrow(UsageError);
    for (const options of [{ samples: 0 }, { samples: 1.5 }, { seed: -1 }, { level: 1 }])
      await expect(bootstrapMean([1, 2], options)).rejects.toThrow(UsageError);
  });

  it("stops when its signal says so", async () => {
    await expect(bootstrapMean([1, 2], { signal: AbortSignal.abort(new Error("enough")) })).rejects.toThrow("enough");
  });
});

describe("pairedBootstrap", () => {
  it("finds nothing between identical runs, and no p below 1 / samples", async () => {
    const same = await pairedBootstrap([1, 0, 1], [1, 0, 1], { samples: 200 });
    expect(same).toMatchObject({ difference: 0, interval: [0, 0], p: 1 });
    const far = await pairedBootstrap([5, 6, 7], [1, 1, 1], { samples: 200 });
    expect(far).toMatchObject({ difference: 5, p: 1 / 200 });
  });

  it("is the mirror image the other way round", async () => {
    const { ours, baseline } = RUNS.binary;
    const there = await pairedBootstrap(ours, baseline, { samples: 400 });
    const back = await pairedBootstrap(baseline, ours, { samples: 400 });
    expect(back.p).toBe(there.p);
    expectClose(back.interval[0], -there.interval[1], 1e-13);
    expectClose(back.interval[1], -there.interval[0], 1e-13);
  });

  it("refuses runs of different lengths", async () => {
    await expect(pairedBootstrap([1, 2], [1])).rejects.toThrow(UsageError);
  });
});

describe("comparePaired", () => {
  const quick = { samples: 300 };

  it.each(FIXTURE.paired)("of $of values has scipy's t interval", async (expected) => {
    const { ours, baseline } = RUNS[expected.of];
    const found = await comparePaired(ours, baseline, quick);
    expect(found.n).toBe(ours.length);
    expectClose(found.difference, expected.difference, 1e-13);
    expectClose(found.stdErr, expected.stdErr, 1e-13);
    expectEnds(found.interval, expected.interval, 1e-12);
    expect(found.shown).toBe(expected.of === "real");
    expect(found.mcnemar === undefined).toBe(expected.of === "real");
    expect(found.bootstrap).toEqual(await pairedBootstrap(ours, baseline, quick));
  });

  it("shows nothing between identical runs", async () => {
    for (const { ours } of Object.values(RUNS))
      expect(await comparePaired(ours, ours, quick)).toMatchObject({
        difference: 0,
        stdErr: 0,
        interval: [0, 0],
        shown: false,
      });
  });

  it("shows nothing from one item", async () => {
    const found = await comparePaired([2], [1], quick);
    expect(found).toMatchObject({ n: 1, difference: 1, stdErr: 0, interval: [-Infinity, Infinity], shown: false });
  });

  it("shows nothing from three items all won, whose interval is a point, but does from eight", async () => {
    const won = (n: number) => comparePaired(new Array<number>(n).fill(1), new Array<number>(n).fill(0), quick);
    const three = await won(3);
    expect(three).toMatchObject({ interval: [1, 1], mcnemar: { b: 3, c: 0 }, shown: false });
    expectClose(three.mcnemar?.p ?? 0, 0.25, 1e-14);
    expect((await won(8)).shown).toBe(true);
  });

  it("widens with the level", async () => {
    const { ours, baseline } = RUNS.real;
    const wide = await comparePaired(ours, baseline, { ...quick, level: 0.99 });
    expect(wide.shown).toBe(false);
    expect(wide.interval).toEqual(studentInterval({ mean: wide.difference, stdErr: wide.stdErr, n: wide.n }, 0.99));
    expect(wide.bootstrap.level).toBe(0.99);
  });

  it("refuses runs of different lengths, and none", async () => {
    await expect(comparePaired([1, 2], [1], quick)).rejects.toThrow(UsageError);
    await expect(comparePaired([], [], quick)).rejects.toThrow(UsageError);
  });
});
