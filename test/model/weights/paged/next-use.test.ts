import { describe, expect, it } from "vitest";
import { NextUse } from "../../../../src/model/weights/paged/next-use.ts";

describe("NextUse", () => {
  it("counts the places of a pass that come first, where experts are chosen as often", () => {
    const use = new NextUse({ places: 6, experts: 4, share: 1 });
    use.visit(2);
    expect([5, 1, 2].map((place) => use.stepsUntil(place, 0))).toEqual([3, 5, 6]);
    expect([5, 1, 2].map((place) => use.stepsUntil(place, -1))).toEqual([3, 5, 6]);
  });

  it("expects what is chosen often sooner than what is chosen seldom, and all else in the next pass", () => {
    const use = new NextUse({ places: 2, experts: 4, share: 0.5 });
    for (let pass = 0; pass < 40; pass++) {
      use.visit(0);
      use.choose(0, new Set([0, pass % 4 === 0 ? 1 : 2]));
      use.visit(1);
      use.choose(1, new Set([3]));
    }
    const until = [-1, 0, 1, 2, 3].map((expert) => use.stepsUntil(0, expert));
    expect(until[0]).toBeLessThanOrEqual(until[1]);
    expect(until[1]).toBeLessThan(until[3]);
    expect(until[3]).toBeLessThan(until[2]);
    expect(until[2]).toBeLessThan(until[4]);
    expect(Number.isFinite(until[4])).toBe(true);
  });
});
