import { describe, expect, it } from "vitest";
import { groupBy } from "../../src/base/group-by.ts";

describe("groupBy", () => {
  it("keeps keys and items in the order in which they came", () => {
    const groups = groupBy(["bee", "ant", "bug", "ape", "cat"], ([first]) => first);
    expect([...groups]).toEqual([
      ["b", ["bee", "bug"]],
      ["a", ["ant", "ape"]],
      ["c", ["cat"]],
    ]);
  });

  it("gives no group for no items", () => {
    expect(groupBy([], String).size).toBe(0);
  });
});
