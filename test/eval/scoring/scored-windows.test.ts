import { describe, expect, it } from "vitest";
import { scoredWindows } from "../../../src/eval/scoring/scored-windows.ts";

describe("scoredWindows", () => {
  it("drops the last incomplete window, after the limit", () => {
    expect(scoredWindows([1, 2, 3, 4, 5, 6, 7], { window: 3 }, 8)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
    expect(scoredWindows([1, 2, 3, 4, 5, 6, 7], { window: 3, limit: 5 }, 8)).toEqual([[1, 2, 3]]);
  });
});
