import * as v from "valibot";
import { describe, expect, it } from "vitest";
import { FormatError } from "../../src/base/errors.ts";
import { type SchemaDocument, schemaError } from "../../src/base/schema-error.ts";

const POINT = v.strictObject({ name: v.string("text"), size: v.optional(v.number("a number")) }, "a point");
const SCHEMA = v.strictObject({ title: v.string("text"), points: v.array(POINT, "a list") }, "an object");
const DOCUMENT: SchemaDocument = {
  where: "f.json",
  fieldsAt: (path) => Object.keys((path.length > 1 ? POINT : SCHEMA).entries),
};

function errorOf(json: unknown, document = DOCUMENT): string {
  const result = v.safeParse(SCHEMA, json);
  if (result.success) throw new Error("the schema took it");
  const error = schemaError(result.issues, document);
  expect(error).toBeInstanceOf(FormatError);
  return error.message;
}

describe("schemaError", () => {
  it.each([
    [{ title: "t", points: 1 }, "f.json: field points: found 1, expected a list"],
    [{ title: "t" }, "f.json: field points: found nothing, expected it to be there"],
    [{ title: "t", points: [{ name: "a", size: "1" }] }, 'f.json: field points.0.size: found "1", expected a number'],
    [
      { title: "t", points: [{ nam: "a" }] },
      "field points.0.nam: found no such field, expected name or another of name",
    ],
    [
      { titel: "t", points: [] },
      "f.json: field titel: found no such field, expected title or another of title, points",
    ],
    [null, "f.json: found null, expected an object"],
  ])("says of %j what was found and what was expected", (json, sentence) => {
    expect(errorOf(json)).toContain(sentence);
  });

  it("names the fields around the part that a schema was applied to", () => {
    expect(errorOf({ title: 1, points: [] }, { where: "f.jsonl: line 2", within: ["metrics", "kl"] })).toBe(
      "f.jsonl: line 2: field metrics.kl.title: found 1, expected text",
    );
  });

  it("compares no more than the beginning of a field's name", () => {
    const name = `title${"x".repeat(1_000_000)}`;
    expect(errorOf({ title: "t", points: [], [name]: 1 })).toContain("found no such field, expected title");
  });
});
