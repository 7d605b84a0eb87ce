import { describe, expect, it } from "vitest";
import { bisect } from "../../../src/eval/stats/bisect.ts";

describe("bisect", () => {
  it("finds the root of a rising function to the last bit", () => {
    const root = bisect((x) => x * x < 2, 0, 2);
    expect(Math.abs(root - Math.SQRT2)).toBeLessThanOrEqual(Number.EPSILON);
    expect(bisect((x) => x < 1e-300, 0, 1)).toBeCloseTo(1e-300, 305);
  });

  it("ends at an end where the function is on one side throughout", () => {
    expect(bisect(() => false, 3, 5)).toBe(3);
    expect(bisect(() => true, 3, 5)).toBeCloseTo(5, 14);
  });
});
