import { describe, expect, it } from "vitest";
import { nearestWord } from "../../src/base/nearest-word.ts";

describe("nearestWord", () => {
  it("finds the word with the fewest edits", () => {
    expect(nearestWord("atention", ["uniform", "attention", "base"])).toBe("attention");
    expect(nearestWord("expert", ["shared", "experts", "dense"])).toBe("experts");
  });

  it("takes the earliest of equals", () => {
    expect(nearestWord("x", ["a", "b"])).toBe("a");
  });
});
