/** The pure parts of bench/peers: statistics of repetitions, names of tests, and what a pair prints. */
import { describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";

type Ratio = { median: number; min: number; max: number };
interface Ratios {
  median(values: readonly number[]): number;
  speedRatio(ours: readonly number[], theirs: readonly number[]): Ratio;
  showRatio(ratio: Ratio): string;
}
interface Tests {
  parseTest(name: string): { kind: string; tokens: number; depth: number };
  someIds(count: number, from: number, vocab: number): number[];
}
interface Agreement {
  compareLogits(
    a: readonly number[],
    b: readonly number[],
  ): { correlation: number; difference: number; sameTop: boolean };
}

const load = async <T>(name: string): Promise<T> => import(repositoryFile(`bench/peers/measure/${name}.mjs`)) as T;
const { median, speedRatio, showRatio } = await load<Ratios>("ratios");
const { parseTest, someIds } = await load<Tests>("tests");
const { compareLogits } = await load<Agreement>("agreement");

describe("ratios", () => {
  it("takes the middle, or the mean of the two in the middle", () => {
    expect(median([5, 1, 3])).toBe(3);
    expect(median([4, 1, 3, 100])).toBe(3.5);
  });

  it("divides the repetitions of the same turn", () => {
    // A slow second turn of both engines changes no ratio.
    expect(speedRatio([10, 40, 10], [20, 80, 15])).toEqual({ median: 2, min: 1.5, max: 2 });
    expect(showRatio({ median: 2, min: 1.5, max: 2 })).toBe("2.00 (1.50..2.00)");
  });

  it("refuses lists of different lengths, and empty ones", () => {
    expect(() => speedRatio([1], [1, 2])).toThrow("found 1 and 2");
    expect(() => speedRatio([], [])).toThrow("expected equally many");
  });
});

describe("tests", () => {
  it("reads their names", () => {
    expect(parseTest("pp512")).toEqual({ name: "pp512", kind: "pp", tokens: 512, depth: 0 });
    expect(parseTest("tg64@1024")).toEqual({ name: "tg64@1024", kind: "tg", tokens: 64, depth: 1024 });
    expect(() => parseTest("tg")).toThrow('found "tg"');
  });

  it("takes ids within the vocabulary, which go on at a depth", () => {
    const ids = someIds(20, 0, 320);
    expect(Math.max(...ids)).toBeLessThan(320);
    expect(new Set(ids).size).toBe(20);
    expect(someIds(5, 15, 320)).toEqual(ids.slice(15));
  });
});

describe("logits", () => {
  it("are compared by correlation, mean difference and the likeliest token", () => {
    expect(compareLogits([1, 2, 3], [2, 4, 6])).toEqual({
      correlation: expect.closeTo(1, 12),
      difference: 2,
      sameTop: true,
    });
    expect(compareLogits([1, 2, 3], [3, 2, 1])).toMatchObject({
      correlation: expect.closeTo(-1, 12),
      sameTop: false,
    });
    expect(() => compareLogits([1], [1, 2])).toThrow("found 1 and 2");
  });
});
