import Papa from "papaparse";
import { describe, expect, it } from "vitest";
import { cellsAsCsv, dataSection } from "../../../src/report/data/data-section.ts";
import { readCells } from "../../../src/report/results/read-cells.ts";
import { line } from "../report-lines.ts";

describe("cellsAsCsv", () => {
  it("has a row for each cell, with the scores of tasks that any cell has", () => {
    const tasks = { type: "tasks", tasks: { copa: { value: 0.5, stdErr: 0.1 } } };
    const competesAt = [3, 3.2].map((budget) => ({ menu: [2, 4], budget }));
    const lines = [
      line({ plan: "a, with a comma", policy: "attention:4,base:2", competesAt, windows: [1, 2] }),
      line({ plan: "b", metrics: { tasks } }),
    ];
    const csv = cellsAsCsv(readCells(lines.join("\n"), "lines"));
    const { data } = Papa.parse<Record<string, string>>(csv.trim(), { header: true });
    expect(data.length).toBe(2);
    expect(data[0]).toMatchObject({ plan: "a, with a comma", competesAt: "2,4@3 2,4@3.2", kl: "1.5", copa: "" });
    expect(data[1]).toMatchObject({ plan: "b", competesAt: "", kl: "", copa: "0.5" });
  });
});

describe("dataSection", () => {
  it("holds both tables, numbers with seven digits", () => {
    const cells = readCells(line({ plan: "a" }), "some/results.jsonl");
    const html = dataSection(
      [{ name: "results.jsonl", hash: "h", cells }],
      [
        { model: "m", gain: 1 / 3 },
        { model: "n", p: 1e-12 },
      ],
    );
    const tables = [...html.matchAll(/href="data:text\/csv;charset=utf-8;base64,([^"]*)" download="(\w+.csv)"/g)];
    expect(tables.map(([, , name]) => name)).toEqual(["cells.csv", "comparisons.csv"]);
    const [first, second] = tables.map(([, text]) => Buffer.from(text, "base64").toString("utf8"));
    expect(first).toBe(cellsAsCsv(cells));
    expect(second).toBe("model,gain,p\nm,0.3333333,\nn,,1e-12\n");
  });
});
