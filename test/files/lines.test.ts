import { describe, expect, it } from "vitest";
import { decodeText, linesOf } from "../../src/files/lines.ts";

const lines = (text: string) => [...linesOf(text)].map(({ line, text: each }) => [line, each]);

describe("linesOf", () => {
  it("numbers lines from 1 and keeps empty ones", () => {
    expect(lines("a\n\nb\n")).toEqual([
      [1, "a"],
      [2, ""],
      [3, "b"],
    ]);
    expect(lines("a\r\n\r\nb")).toEqual([
      [1, "a"],
      [2, ""],
      [3, "b"],
    ]);
    expect(lines("")).toEqual([]);
  });

  it("keeps a carriage return that ends no line", () => {
    expect(lines("a\rb\n")).toEqual([[1, "a\rb"]]);
  });
});

describe("decodeText", () => {
  const bytes = (...parts: (string | number[])[]) =>
    new Uint8Array(Buffer.concat(parts.map((part) => Buffer.from(part as string))));

  it("drops a byte order mark at the start only", () => {
    expect(decodeText(bytes("\ufeffa\ufeff"), "f")).toBe("a\ufeff");
  });

  it("names the first line that is not UTF-8", () => {
    expect(() => decodeText(bytes("a\nb\n", [0xe9], "\n", [0xe9]), "DIR/f")).toThrow(
      "DIR/f: line 3: found bytes that are not UTF-8, expected text",
    );
  });
});
