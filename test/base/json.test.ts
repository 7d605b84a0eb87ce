import { describe, expect, it } from "vitest";
import { describeJson, parseJson, parseJsonBytes } from "../../src/base/json.ts";
import { readJsonObject } from "../../src/files/json-file.ts";
import { filesFolder } from "../../src/files/source.ts";

const parse = (text: string) => parseJson(text, "f.json", { maxBytes: 1000, maxDepth: 4 });

describe("parseJson", () => {
  it.each([
    '{"a":[1,-2.5e3,0,1E+2,true,false,null,"x"],"":{}}',
    " [ ] ",
    '"\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud83d\\ude00 é😀"',
    "-0.0",
    '{"b":1,"a":2,"10":3}',
    "[123456789012345678901234567890]",
  ])("agrees with the runtime's parser on %s", (text) => {
    expect(JSON.stringify(parse(text))).toBe(JSON.stringify(JSON.parse(text)));
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it.each([
    "",
    " ",
    "{",
    "[",
    '"',
    '"a',
    "{]",
    '{"a"}',
    '{"a":}',
    '{"a":1,}',
    "{,}",
    "[1,]",
    "[1 2]",
    "tru",
    "nul",
    "undefined",
    "NaN",
    "Infinity",
    "-",
    "01",
    "1.",
    ".5",
    "+1",
    "1e",
    "0x1",
    "'a'",
    '"\\x"',
    '"\\u12"',
    '"\\u12g4"',
    '"\u0001"',
    '"a\nb"',
    "{a:1}",
    "1 1",
    "[1]]",
    "// c\n1",
    "\ufeff1",
    "\u00a01",
  ])("rejects %j, as the runtime's parser does", (text) => {
    expect(() => JSON.parse(text)).toThrow();
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: "FORMAT" }));
  });

  it("rejects every truncation of a document", () => {
    const text = '{"a":[1,"\\u00e9x",{"b":null}],"c":true}';
    for (let length = 0; length < text.length; length++)
      expect(() => parse(text.slice(0, length))).toThrow(/^f\.json: line 1, column /);
  });

  it("names line, column, what it found and what it expected", () => {
    expect(() => parse('{\n  "a": 1,\n  "b" 2\n}')).toThrow('f.json: line 3, column 7: found "2\\n}", expected ":"');
    expect(() => parse("[1")).toThrow('f.json: line 1, column 3: found the end of the text, expected "]"');
  });

  it("rejects a key that comes twice, however it is spelled", () => {
    expect(() => parse('{"a":1,"\\u0061":1}')).toThrow(
      'line 1, column 8: found the key "a" a second time, expected each key once',
    );
    expect(() => parse('{"__proto__":1,"__proto__":2}')).toThrow('the key "__proto__" a second time');
    expect(parse('{"a":{"a":1},"b":{"a":1}}')).toEqual({ a: { a: 1 }, b: { a: 1 } });
  });

  it("keeps prototype keys as plain keys and gives objects no prototype", () => {
    const object = parse('{"__proto__":{"polluted":true},"constructor":1,"hasOwnProperty":2}') as Record<
      string,
      unknown
    >;
    expect(Object.keys(object)).toEqual(["__proto__", "constructor", "hasOwnProperty"]);
    expect(Object.getPrototypeOf(object)).toBeNull();
    expect(object["polluted"]).toBeUndefined();
    expect(object["toString"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
  });

  it("bounds depth, size and numbers", () => {
    expect(parse("[[[[1]]]]")).toEqual([[[[1]]]]);
    expect(() => parse("[[[[[1]]]]]")).toThrow("found deeper nesting, expected at most 4 levels");
    expect(() => parse('{"a":'.repeat(5))).toThrow("found deeper nesting");
    expect(() => parse(`"${"a".repeat(1000)}"`)).toThrow("found 1002 characters of JSON, expected at most 1000");
    expect(() => parse("1e999")).toThrow("found 1e999, expected a number that fits");
  });
});

describe("parseJsonBytes", () => {
  it("reads UTF-8, from shared memory too, and rejects anything else", () => {
    const bytes = new TextEncoder().encode('{"é":"😀"}');
    expect(parseJsonBytes(bytes, "f.json")).toEqual({ é: "😀" });
    const shared = new Uint8Array(new SharedArrayBuffer(bytes.length));
    shared.set(bytes);
    expect(parseJsonBytes(shared, "f.json")).toEqual({ é: "😀" });
    expect(() => parseJsonBytes(Uint8Array.of(0x22, 0xff, 0x22), "f.json")).toThrow(
      "f.json: found bytes that are not UTF-8",
    );
    expect(() => parseJsonBytes(bytes, "f.json", { maxBytes: 3, maxDepth: 1 })).toThrow(
      "found 13 bytes of JSON, expected at most 3",
    );
  });
});

describe("documents of more values than memory should hold", () => {
  it.each(["[]", "{}", "0", '""'])("are refused at the value that is too much: %s", (value) => {
    const text = `[${`${value},`.repeat(value === "0" ? 12_000_100 : 1_000_100)}${value}]`;
    if (value === '""') expect(parseJson(text, "f.json")).toHaveLength(1_000_101);
    else expect(() => parseJson(text, "f.json")).toThrow(/f\.json: line 1, column \d+: found too many values/);
  });
});

describe("readJsonObject", () => {
  it("gives undefined for a missing file and rejects what is no object", async () => {
    const folder = filesFolder("m", {
      "a.json": new TextEncoder().encode("[1]"),
      "b.json": new TextEncoder().encode("{}"),
    });
    expect(await readJsonObject(folder, "c.json")).toBeUndefined();
    expect(await readJsonObject(folder, "b.json")).toEqual({});
    await expect(readJsonObject(folder, "a.json")).rejects.toThrow("m/a.json: found an array, expected a JSON object");
  });
});

describe("describeJson", () => {
  it("is short", () => {
    expect(describeJson("x".repeat(100))).toHaveLength(60);
    expect([undefined, null, [1], {}, 1.5].map((value) => describeJson(value))).toEqual([
      "nothing",
      "null",
      "an array",
      "an object",
      "1.5",
    ]);
  });
});
