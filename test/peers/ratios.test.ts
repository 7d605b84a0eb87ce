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
const lines = await import(repositoryFile("bench/peers/report/within-lines.mjs"));

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

describe("runs within a limit", () => {
  const run = (ms: number) => ({
    ...{ opening: { first: 1500 }, facts: { paging: { uses: 8, misses: 2 } }, peak: 5e6 },
    ...{ decoded: [{ ms, read: 8e6, user: 0.04, system: 0.02 }], group: { peak: 7e6, killed: 0 } },
  });

  it("have ratios to the first engine of as many threads", () => {
    const engines = [
      { name: "a1", base: 0, runs: [run(4000), run(2000)] },
      { name: "b1", base: 0, runs: [run(1000), run(1000)] },
      { name: "a2", base: 2, runs: [run(500), run(500)] },
      { name: "b2", base: 2, runs: [run(1000), run(1000)] },
    ];
    const table: string[] = lines.withinLines(engines, { parts: 1, tokens: 4 });
    expect(table[1]).toBe("tokens 17 to 20");
    expect(table.slice(2).map((line) => line.split(/ {2,}/).join("|"))).toEqual([
      ...["1.50 (1.00..2.00)|a1", "4.00 (4.00..4.00)|3.00 (2.00..4.00)|b1"],
      ...["8.00 (8.00..8.00)|a2", "4.00 (4.00..4.00)|0.50 (0.50..0.50)|b2"],
    ]);
  });

  it("tell what was read, the processor time of a token, and which process was ended by the limit", () => {
    expect(lines.runLine("a", run(1000), 4)).toBe(
      "a: 4.00 tokens/s (read 2 MB, processor 10 + 5 ms a token); first token after 1.5 s, process's peak 5 MB, group's peak 7 MB, 25 % of experts missing",
    );
    const ended = { error: "ended with null", group: { peak: 7e6, killed: 1 } };
    expect(lines.runLine("a", ended, 4)).toContain("processes ended for want of memory: 1");
    const engines = [{ name: "a", base: 0, runs: [ended] }];
    expect(lines.withinLines(engines, { parts: 1, tokens: 4 })[2]).toMatch(/^ended +a$/);
  });
});
