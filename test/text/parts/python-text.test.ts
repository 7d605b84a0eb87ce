import { describe, expect, it } from "vitest";
import {
  capitalize,
  characterCount,
  dropLast,
  lowerFirst,
  strip,
  stripEnd,
} from "../../../src/text/parts/python-text.ts";

describe("strip", () => {
  it("strips Python's white space, which is not JavaScript's", () => {
    expect(strip("\x1c\x1f \x85\u3000a b\u2029\n\x85")).toBe("a b");
    expect(strip("\ufeffa\u200b\ufeff")).toBe("\ufeffa\u200b\ufeff");
    expect(strip(" \n")).toBe("");
  });

  it("strips the end alone", () => {
    expect(stripEnd(" a \x85\xa0")).toBe(" a");
  });
});

// Each expected string is what CPython prints.
describe("letters", () => {
  it.each([
    ["he IS Here", "He is here"],
    ["ß and ﬁ", "Ss and ﬁ"],
    ["ﬁne", "Fine"],
    ["éa ÉA", "Éa éa"],
    ["\u{10428}\u{10400}", "\u{10400}\u{10428}"],
    [" he", " he"],
    ["", ""],
  ])("capitalises %j", (text, expected) => {
    expect(capitalize(text)).toBe(expected);
  });

  it.each([
    ["The SUN", "the SUN"],
    ["\u{10400}A", "\u{10428}A"],
    ["İx", "i\u0307x"],
    ["", ""],
  ])("lowers the first of %j", (text, expected) => {
    expect(lowerFirst(text)).toBe(expected);
  });

  it("drops the last character, and counts characters, not UTF-16 units", () => {
    expect([dropLast("cast."), dropLast("a😀"), dropLast("")]).toEqual(["cast", "a", ""]);
    expect([characterCount("é😀!"), characterCount("")]).toEqual([3, 0]);
  });
});
