import { describe, expect, it } from "vitest";
import { NextUse } from "../../../../src/model/weights/paged/next-use.ts";

describe("NextUse", () => {
  it("counts the layers of a pass that come first, where experts are chosen as often", () => {
    const use = new NextUse([1, 2, 5], 4, 1);
    use.visit(2, new Set([0, 1, 2, 3]));
    expect([5, 1, 2].map((layer) => use.layersUntil(layer, 0))).toEqual([1, 2, 3]);
  });

  it("expects what is chosen often sooner than what is chosen seldom", () => {
    const use = new NextUse([0, 1], 4, 0.5);
    for (let pass = 0; pass < 40; pass++) {
      use.visit(0, new Set([0, pass % 4 === 0 ? 1 : 2]));
      use.visit(1, new Set([3]));
    }
    const until = [0, 1, 2, 3].map((expert) => use.layersUntil(0, expert));
    expect(until[0]).toBeLessThan(until[2]);
    expect(until[2]).toBeLessThan(until[1]);
    expect(until[1]).toBeLessThan(until[3]);
    expect(Number.isFinite(until[3])).toBe(true);
  });
});
