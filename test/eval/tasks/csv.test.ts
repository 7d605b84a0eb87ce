import { describe, expect, it } from "vitest";
import { csvRows } from "../../../src/eval/tasks/csv.ts";

const rows = (text: string, columns?: readonly string[]) =>
  csvRows(text, "DIR/t.csv", columns).map(({ where, doc }) => [where, doc instanceof Error ? doc.message : { ...doc }]);
const AB = ["a", "b"];

describe("csvRows", () => {
  it("knows the line each row starts on, past line ends inside quotes", () => {
    expect(rows('"one\n""1""\n",x\n\ntwo,"y, z"\r\n', AB)).toEqual([
      ["DIR/t.csv: line 1", { a: 'one\n"1"\n', b: "x" }],
      ["DIR/t.csv: line 5", { a: "two", b: "y, z" }],
    ]);
  });

  it("reads a file that ends lines with \\r\\n", () => {
    expect(rows('1,"2\r\n"\r\n\r\n3,4\r\n"5\n",6\r\n', AB)).toEqual([
      ["DIR/t.csv: line 1", { a: "1", b: "2\r\n" }],
      ["DIR/t.csv: line 4", { a: "3", b: "4" }],
      ["DIR/t.csv: line 5", { a: "5\n", b: "6" }],
    ]);
  });

  it("takes names from the first line where none are given", () => {
    expect(rows("a,__proto__\n1,2\n")).toEqual([
      [
        "DIR/t.csv: line 2",
        Object.fromEntries([
          ["a", "1"],
          ["__proto__", "2"],
        ]),
      ],
    ]);
    expect(() => rows("a,a\n1,2\n")).toThrow(
      'DIR/t.csv: line 1: found the column name "a", expected each to be there and once',
    );
  });

  it("puts an error in the place of a row with other columns, and reads on", () => {
    expect(rows("1,2\n3\n4,5,6\n7,8\n", AB)).toEqual([
      ["DIR/t.csv: line 1", { a: "1", b: "2" }],
      ["DIR/t.csv: line 2", "DIR/t.csv: line 2: found 1 columns, expected 2 (a, b)"],
      ["DIR/t.csv: line 3", "DIR/t.csv: line 3: found 3 columns, expected 2 (a, b)"],
      ["DIR/t.csv: line 4", { a: "7", b: "8" }],
    ]);
  });

  it("names the row of a malformed quote", () => {
    expect(rows('1,2\n"x"y",3\n4,5\n', AB)[1][1]).toBe(
      'DIR/t.csv: line 2: found a quote within a quoted field, expected a closing quote before a comma or line end, and "" for a quote',
    );
    expect(rows('1,"2\n3,4\n', AB)).toEqual([
      ["DIR/t.csv: line 1", expect.stringContaining("line 1: found a quoted field that does not end")],
    ]);
  });
});
