import { describe, expect, it } from "vitest";
import { type AddedToken, createSplitter } from "../../../src/text/parts/added-tokens.ts";

const PLAIN = { special: false, normalized: false, singleWord: false, lstrip: false, rstrip: false };
const token = (content: string, id: number, more: Partial<AddedToken> = {}): AddedToken => ({
  ...PLAIN,
  ...{ id, content },
  ...more,
});

/** Tokens as their ids, the text between them as it is. */
function split(tokens: readonly AddedToken[], text: string, skipSpecial = false): (number | string)[] {
  const splitter = createSplitter(tokens.map((one) => ({ content: one.content, token: one })));
  const sections = [...splitter(text, skipSpecial)].filter((section) => section !== undefined);
  expect(sections.map((section) => section.text).join("")).toBe(text);
  for (const section of sections) expect(text.slice(section.start)).toMatch(section.text.slice(0, 1));
  return sections.map((section) => section.token?.id ?? section.text);
}

describe("createSplitter", () => {
  it("finds the leftmost, and of those the longest", () => {
    expect(split([token("ab", 1), token("abc", 2), token("bcd", 3)], "xabcdab")).toEqual(["x", 2, "d", 1]);
  });

  it("takes special tokens for text where that is asked", () => {
    const tokens = [token("<s>", 1, { special: true }), token("<t>", 2)];
    expect(split(tokens, "<s>a<t>")).toEqual([1, "a", 2]);
    expect(split(tokens, "<s>a<t>", true)).toEqual(["<s>a", 2]);
  });

  it("takes a single word only between other characters than letters", () => {
    const tokens = [token("cat", 1, { singleWord: true })];
    expect(split(tokens, "cat, concat cats \u00e9cat cat")).toEqual([1, ", concat cats \u00e9cat ", 1]);
  });

  it("takes the space on a side along where the token says so", () => {
    expect(split([token("<m>", 1, { lstrip: true, rstrip: true })], "a \n<m>\u3000b")).toEqual(["a", 1, "b"]);
    expect(split([token("<m>", 1, { rstrip: true })], "a <m> <m>")).toEqual(["a ", 1, 1]);
  });

  it("gives the whole text where there is nothing to find", () => {
    expect(split([], "text")).toEqual(["text"]);
    expect(split([token("", 1)], "text")).toEqual(["text"]);
    expect(split([token("x", 1)], "")).toEqual([]);
  });
});
