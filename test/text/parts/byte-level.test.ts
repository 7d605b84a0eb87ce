import { describe, expect, it } from "vitest";
import { bytesOfToken, unfinishedBytes } from "../../../src/text/parts/byte-level.ts";

describe("bytesOfToken", () => {
  it("is the way back from the characters that byte-level BPE writes", () => {
    expect([...bytesOfToken("\u0120Hello\u010a")]).toEqual([...new TextEncoder().encode(" Hello\n")]);
    // U+2019 is e2 80 99, written as three characters.
    expect([...bytesOfToken("\u00e2\u0122\u013b")]).toEqual([0xe2, 0x80, 0x99]);
  });

  it("is the text of a token that has a character outside of the alphabet", () => {
    expect(new TextDecoder().decode(bytesOfToken("a\u4e2d"))).toBe("a\u4e2d");
  });
});

describe("unfinishedBytes", () => {
  it("agrees with the runtime's decoder on every beginning of characters of all lengths", () => {
    for (const character of ["a", "\u00e9", "\u0800", "\ud7ff", "\uffff", "\u{10000}", "\u{10ffff}"]) {
      const bytes = new TextEncoder().encode(`x${character}`);
      for (let cut = 1; cut <= bytes.length; cut++) {
        const isWhole = cut === bytes.length || cut === 1;
        expect(unfinishedBytes(bytes.subarray(0, cut)), `${character} cut to ${cut}`).toBe(isWhole ? 0 : cut - 1);
      }
    }
  });

  it.each([
    ["an overlong form", [0xe0, 0x80]],
    ["a surrogate", [0xed, 0xa0]],
    ["an overlong form of four bytes", [0xf0, 0x80]],
    ["what lies past U+10FFFF", [0xf4, 0x90]],
    ["a lead that is none", [0xc0]],
    ["continuations alone", [0x80, 0x80, 0x80]],
    ["nothing", []],
  ])("waits for nothing after %s", (_, bytes) => {
    expect(unfinishedBytes(Uint8Array.from(bytes))).toBe(0);
  });
});
