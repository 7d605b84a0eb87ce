import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/errors.ts";
import { jsonLines } from "../../src/files/jsonl.ts";

describe("jsonLines", () => {
  it("gives each value with its line, empty lines passed over", () => {
    expect([...jsonLines('{"a": 1}\r\n\n [2]\n', "f")]).toEqual([
      { line: 1, value: { a: 1 } },
      { line: 3, value: [2] },
    ]);
  });

  it("puts an error in the place of a bad line and reads on", () => {
    const [first, second, third] = [...jsonLines('1\n{"a": }\n3', "DIR/f.jsonl")];
    expect([first.value, third.value]).toEqual([1, 3]);
    expect(second.value).toBeInstanceOf(FormatError);
    expect((second.value as FormatError).message).toBe(
      'DIR/f.jsonl: line 2, column 7: found "}", expected a JSON value',
    );
  });
});
