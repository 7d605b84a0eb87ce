import { describe, expect, it } from "vitest";
import { type JsonObject, parseJson } from "../../src/base/json.ts";
import { jsonText, withFields } from "../../src/base/json-text.ts";

describe("jsonText", () => {
  it.each([
    { a: [], b: {}, c: [1, [2, { d: null }]], e: '\u2028"', f: false, g: 0.1, h: -0, i: 1e21 },
    [],
    "text",
    3,
    { left: undefined, there: [true] },
  ])("writes %j as JSON.stringify does", (value) => {
    expect(jsonText(value)).toBe(`${JSON.stringify(value, null, 2)}\n`);
  });

  // transformers 5 refuses a configuration with `"router_jitter_noise": 0`.
  it("keeps floats of a parsed document floats, at any depth", () => {
    const text = `{
  "router_jitter_noise": 0.0,
  "layers": 2,
  "rope": {
    "factor": 4.0,
    "list": [
      1,
      2.0,
      0.5
    ]
  }
}
`;
    expect(jsonText(parseJson(text, "config.json"))).toBe(text);
    expect(jsonText(parseJson('{"a": 1e3, "b": 10, "c": -2E0}', "x"))).toBe(
      '{\n  "a": 1000.0,\n  "b": 10,\n  "c": -2.0\n}\n',
    );
  });
});

describe("withFields", () => {
  it("changes, adds and removes fields, and keeps the floats among the others", () => {
    const json = parseJson('{"a": 1.0, "b": 2.0, "c": 3.0, "d": 4}', "x") as JsonObject;
    expect(jsonText(withFields(json, { b: 5, c: undefined, e: 6 }))).toBe(
      '{\n  "a": 1.0,\n  "b": 5,\n  "d": 4,\n  "e": 6\n}\n',
    );
    expect(Object.keys(json)).toEqual(["a", "b", "c", "d"]);
  });
});
