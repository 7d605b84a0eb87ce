import { gzipSync } from "node:zlib";
import { describe, expect, it } from "vitest";
import { readDataRows } from "../../../src/eval/tasks/data-file.ts";
import type { DataFile } from "../../../src/eval/tasks/task.ts";
import { filesFolder } from "../../../src/files/source.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const data = filesFolder("DIR", {
  "a/rows.jsonl": bytes('{"n": 1}\n\n[2]\n{"n": 3\n{"n": 4}\n'),
  "a/packed.jsonl.gz": new Uint8Array(gzipSync('{"n": 5}\n')),
  "rows.json": bytes('[{"n": 1}, 2]'),
  "object.json": bytes('{"n": 1}'),
  "lines.txt": bytes("first\r\n\nthird"),
  "two.jsonl": bytes('{"label": "own"}\n{}\n'),
  "two.lst": bytes("1\n0\n"),
  "one.lst": bytes("1\n"),
  "three.lst": bytes("1\n0\n1\n"),
  "rows.xml": bytes("<n/>"),
  "latin.txt": new Uint8Array([0x61, 0x0a, 0xe9]),
});

async function read(...files: DataFile[]) {
  const { rows, problems } = await readDataRows(data, files);
  return {
    rows: rows.map(({ where, doc }) => [where, doc instanceof Error ? doc.message : { ...doc }]),
    problems: problems.map((problem) => problem.message),
  };
}

describe("files of far more lines than a task has", () => {
  it.each(["rows.jsonl", "rows.csv", "rows.txt"])("are refused before rows are made: %s", async (path) => {
    const folder = filesFolder("DIR", { [path]: bytes("{}\n".repeat(250_001)) });
    await expect(readDataRows(folder, [{ path }])).rejects.toThrow(
      `DIR/${path}: found 250001 lines, expected at most 250000`,
    );
  });
});

describe("readDataRows", () => {
  it("reads one file after the other, packed or not, bad rows in their places", async () => {
    expect(await read({ path: "a/rows.jsonl" }, { path: "a/packed.jsonl" }, { path: "a/packed.jsonl.gz" })).toEqual({
      rows: [
        ["DIR/a/rows.jsonl: line 1", { n: 1 }],
        ["DIR/a/rows.jsonl: line 3", "DIR/a/rows.jsonl: line 3: found an array, expected a JSON object"],
        ["DIR/a/rows.jsonl: line 4", 'DIR/a/rows.jsonl: line 4, column 8: found the end of the text, expected "}"'],
        ["DIR/a/rows.jsonl: line 5", { n: 4 }],
        ["DIR/a/packed.jsonl.gz: line 1", { n: 5 }],
        ["DIR/a/packed.jsonl.gz: line 1", { n: 5 }],
      ],
      problems: [],
    });
  });

  it("reads arrays and lines", async () => {
    expect((await read({ path: "rows.json" })).rows).toEqual([
      ["DIR/rows.json: row 1", { n: 1 }],
      ["DIR/rows.json: row 2", "DIR/rows.json: row 2: found 2, expected a JSON object"],
    ]);
    expect((await read({ path: "lines.txt" })).rows).toEqual([
      ["DIR/lines.txt: line 1", { text: "first" }],
      ["DIR/lines.txt: line 3", { text: "third" }],
    ]);
  });

  it("gives each row the label of its line", async () => {
    expect(await read({ path: "two.jsonl", labels: "two.lst" })).toEqual({
      rows: [
        ["DIR/two.jsonl: line 1", { label: "1" }],
        ["DIR/two.jsonl: line 2", { label: "0" }],
      ],
      problems: [],
    });
  });

  it("counts blank lines between rows as lines", async () => {
    const gaps = filesFolder("DIR", {
      "gap.jsonl": new TextEncoder().encode('{"a":1}\n\n{"a":2}\n'),
      "gap.lst": new TextEncoder().encode("1\n\n0\n"),
    });
    const { rows, problems } = await readDataRows(gaps, [{ path: "gap.jsonl", labels: "gap.lst" }]);
    expect(problems).toEqual([]);
    expect(rows.map(({ doc }) => ({ ...doc }))).toEqual([
      { a: 1, label: "1" },
      { a: 2, label: "0" },
    ]);
  });

  it("names the first line at which rows and labels part", async () => {
    const short = await read({ path: "two.jsonl", labels: "one.lst" });
    expect(short.problems).toEqual([
      "DIR/one.lst: line 2: found 1 labels in the file, expected 2, one for each line of DIR/two.jsonl",
    ]);
    expect(short.rows[1][1]).toBe("DIR/two.jsonl: line 2: found no label in DIR/one.lst, expected one");
    const long = await read({ path: "two.jsonl", labels: "three.lst" });
    expect(long.problems).toEqual([
      "DIR/three.lst: line 3: found 3 labels in the file, expected 2, one for each line of DIR/two.jsonl",
    ]);
    expect(long.rows.map(([, doc]) => doc)).toEqual([{ label: "1" }, { label: "0" }]);
  });

  it.each([
    ["none.jsonl", "FILE", "DIR: found neither none.jsonl nor none.jsonl.gz in the folder, expected one of them"],
    ["object.json", "FORMAT", "DIR/object.json: found no array, expected a JSON array of rows"],
    ["rows.xml", "FORMAT", "DIR/rows.xml: found the ending xml, expected .jsonl, .json, .csv or .txt"],
    ["latin.txt", "FORMAT", "DIR/latin.txt: line 2: found bytes that are not UTF-8, expected text"],
  ])("throws for %s as a whole", async (path, code, message) => {
    await expect(read({ path })).rejects.toMatchObject({ code, message });
  });

  it("throws where the labels are missing", async () => {
    await expect(read({ path: "two.jsonl", labels: "none.lst" })).rejects.toThrow(
      "found neither none.lst nor none.lst.gz",
    );
  });
});
