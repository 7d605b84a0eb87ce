import Papa from "papaparse";
import { describe, expect, it } from "vitest";
import { createRandom } from "../../src/base/random.ts";
import { csvText, parseCsv } from "../../src/files/csv-text.ts";

const FAULTS: Readonly<Record<string, string>> = { MissingQuotes: "unclosed", InvalidQuotes: "inner" };

/** What Papa Parse reads; of several faults of a row its last. */
function papaRows(text: string): unknown[] {
  const { data, errors } = Papa.parse<string[]>(text, { delimiter: ",", newline: "\n" });
  const faults = new Map(errors.map(({ row, code }) => [row, FAULTS[code]]));
  return data.map((fields, index) => (faults.has(index) ? { fields, fault: faults.get(index) } : { fields }));
}

/** Texts of what is special in such files. */
function* specialTexts(count: number): Generator<string> {
  const random = createRandom(11);
  const parts = [",", "\n", "\r\n", '"', '""', '",', ',"', '"\n', "a", "b c", " ", "é"];
  for (let i = 0; i < count; i++) {
    const length = 1 + random.integer(12);
    yield Array.from({ length }, () => parts[random.integer(parts.length)]).join("");
  }
}

describe("parseCsv", () => {
  it("reads what Papa Parse reads", () => {
    let faulty = 0;
    for (const text of specialTexts(4000)) {
      // Papa Parse takes blanks after a last quote for a fault, and reads an empty text as no row.
      if (text === "" || /"[^\S\n]+$/.test(text)) continue;
      const expected = papaRows(text);
      if (JSON.stringify(expected).includes("fault")) faulty++;
      expect([text, parseCsv(text)]).toEqual([text, expected]);
    }
    expect(faulty).toBeGreaterThan(500);
  });

  it("reads an empty text as one empty field", () => {
    expect(parseCsv("")).toEqual([{ fields: [""] }]);
    expect(parseCsv('"a" ')).toEqual([{ fields: ["a"] }]);
  });
});

describe("csvText", () => {
  it("writes what Papa Parse writes, and reads it back", () => {
    const texts = [...specialTexts(500)].filter((text) => !text.includes("\r"));
    const records = texts.map((text, index) => ({
      text,
      "odd, name": index % 3 === 0 ? null : index / 8,
      none: undefined,
    }));
    const written = csvText(records);
    expect(written).toBe(`${Papa.unparse(records, { newline: "\n" })}\n`);
    expect(
      parseCsv(written)
        .slice(1, -1)
        .map(({ fields }) => fields[0]),
    ).toEqual(texts);
  });
});
