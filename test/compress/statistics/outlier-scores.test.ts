import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { excessKurtosis, outlierScore, outlierScores } from "../../../src/compress/statistics/outlier-scores.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { sharedFile } from "../../helpers/shared.ts";

describe("outlierScore", () => {
  it("takes the column whose largest weight stands out most", () => {
    // Columns: 1 1 (ratio 1), -3 1 (3 / 2), 0 0 (counts 0).
    expect(outlierScore(Float32Array.of(1, -3, 0, 1, 1, 0), 2, 3)).toBe(1.5);
  });

  it("is 0 for zeros", () => {
    expect(outlierScore(new Float32Array(6), 2, 3)).toBe(0);
  });
});

describe("excessKurtosis", () => {
  it("is -2 for two values, high for one that stands out, 0 for a constant", () => {
    expect(excessKurtosis(Float32Array.of(5, -1, 5, -1))).toBe(-2);
    // Nine zeros and a one: (1 - 3p(1 - p)) / (p(1 - p)) - 3 at p = 0.1.
    expect(excessKurtosis(Float32Array.of(1, 0, 0, 0, 0, 0, 0, 0, 0, 0))).toBeCloseTo(0.73 / 0.09 - 3, 12);
    expect(excessKurtosis(new Float32Array(4).fill(2))).toBe(0);
  });
});

describe("outlierScores", () => {
  const path = sharedFile("fixtures/eval/fable-deepseek/outlier-scores.json");
  it.skipIf(path === undefined)("gives every linear the score computed elsewhere", async () => {
    const expected = JSON.parse(readFileSync(path as string, "utf8")) as Record<string, { outlier: number }>;
    const files = await readModelFiles(await nodeFolder("models/fable-deepseek"));
    const scores = await outlierScores(files);
    await files.index.close();
    expect(scores).toHaveLength(282);
    for (const { name, outlier } of scores)
      expect(outlier / expected[name.replace(/^model\./, "")].outlier, name).toBeCloseTo(1, 6);
  });
});
