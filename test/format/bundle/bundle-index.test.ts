import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../../src/base/errors.ts";
import { parseJson } from "../../../src/base/json.ts";
import { createRandom } from "../../../src/base/random.ts";
import { BUNDLE_VERSION, linearJson, partsOf, readBundleIndex } from "../../../src/format/bundle/bundle-index.ts";
import { PANEL_VERSION } from "../../../src/tensor/panel.ts";

const PLACE = { role: "attention", layer: 0, expert: -1, projection: "q", rows: 32, cols: 64 } as const;
const SHAPE = { rows: 32, cols: 64, perm: false, bias: false, offset: 0, checksum: 5, floatFormat: false };
const LINEARS = {
  a: { ...SHAPE, entry: "weights/a", form: { kind: "float", dtype: "bf16" } },
  b: {
    ...SHAPE,
    entry: "weights/b",
    form: { kind: "packed", bits: 3, groupSize: 32, zero: -1 },
    perm: true,
    bias: true,
  },
  c: {
    ...SHAPE,
    entry: "weights/c",
    form: { kind: "blocks", bits: 5, groupSize: 32, blockSize: 32 },
    fileType: { name: "Q5_1", bits: 5 },
  },
} as const;
const ENTRIES = new Map([
  ...Object.values(LINEARS).map((linear) => [linear.entry, { bytes: partsOf(linear).bytes }] as const),
  ["weights/vectors", { bytes: 512 }] as const,
]);

type Item = Record<string, unknown>;
interface Written {
  format: unknown;
  panels: unknown;
  linears: Item[];
  vectors: Item[];
}

function written(): Written {
  const linears = Object.entries(LINEARS).map(([name, linear]) => linearJson({ name, ...PLACE }, linear));
  const vectors = [
    { name: "v", shape: [64], offset: 0 },
    { name: "w", shape: [16, 1, 4], offset: 256 },
  ];
  return JSON.parse(JSON.stringify({ format: BUNDLE_VERSION, panels: PANEL_VERSION, linears, vectors })) as Written;
}

function read(change: (index: Written) => void = () => {}) {
  const index = written();
  change(index);
  return readBundleIndex(
    parseJson(JSON.stringify(index), "x") as Parameters<typeof readBundleIndex>[0],
    "m.quern",
    ENTRIES,
  );
}

describe("readBundleIndex", () => {
  it("reads what was written", () => {
    const { linears, vectors } = read();
    expect(Object.fromEntries(linears)).toEqual(LINEARS);
    expect(vectors.get("w")).toEqual({ shape: [16, 1, 4], offset: 256 });
  });

  it("refuses other versions by name", () => {
    expect(() => read((index) => (index.format = 2))).toThrow(UnsupportedError);
    expect(() => read((index) => (index.format = 2))).toThrow(
      "m.quern: found a bundle of version 2, expected version 1",
    );
    expect(() => read((index) => (index.panels = 9))).toThrow(
      "m.quern: found a bundle with panels of version 9, expected version 1",
    );
    expect(() => read((index) => (index.format = undefined))).toThrow("a bundle of version nothing");
  });

  it.each([
    ["linears", (index) => (index.linears = {} as Item[]), /linears: found an object, expected an array/],
    ["a name", (index) => (index.linears[0]["name"] = 5), /name: found 5, expected text/],
    ["the same name twice", (index) => (index.linears[1]["name"] = "a"), /quern.json: a: found it a second time/],
    ["rows", (index) => (index.linears[0]["rows"] = 0), /a: found 0, expected a whole number from 1/],
    ["a huge shape", (index) => (index.linears[0]["rows"] = 2 ** 31), /a: found 4096 bytes, expected 274877906944/],
    ["a kind", (index) => (index.linears[0]["kind"] = "sparse"), /a: kind: found "sparse", expected blocks/],
    ["a type", (index) => (index.linears[0]["dtype"] = "f8"), /a: dtype: found "f8", expected f32 or f16 or bf16/],
    ["bits", (index) => (index.linears[1]["bits"] = 5), /b: bits: found 5, expected 2 or 3 or 4 or 8/],
    ["a group", (index) => (index.linears[1]["groupSize"] = 48), /b: groupSize: found 48 in 64 columns/],
    ["a zero", (index) => (index.linears[1]["zero"] = 8), /b: zero: found 8, expected a whole number from 0 to 7/],
    ["blocks", (index) => (index.linears[2]["groupSize"] = 16), /c: found blocks of the form 5\/16\/32/],
    ["a flag", (index) => (index.linears[1]["perm"] = 1), /b: found something else in perm/],
    ["an entry", (index) => (index.linears[0]["entry"] = "weights/x"), /a: found bytes 0 to 4096 of weights\/x/],
    ["an offset beyond", (index) => (index.linears[0]["offset"] = 64), /a: found bytes 64 to 4160 of weights\/a/],
    ["an offset between lines", (index) => (index.vectors[1]["offset"] = 255), /w: found bytes 255 to 511/],
    ["vectors that overlap", (index) => (index.vectors[1]["offset"] = 192), /w: found bytes 192 to 448 .* from 256/],
    ["a shape", (index) => (index.vectors[0]["shape"] = [64, "x"]), /v: found "x", expected a whole number/],
    ["shapes without end", (index) => (index.vectors[0]["shape"] = [1, 1, 1, 1, 1]), /v: found the shape an array/],
  ] satisfies readonly (readonly [string, (index: Written) => unknown, RegExp])[])(
    "refuses %s",
    (_, change, message) => {
      expect(() => read(change)).toThrow(FormatError);
      expect(() => read(change)).toThrow(message);
    },
  );

  it("ends in a typed error or in linears within their entries, whatever values are changed", () => {
    const random = createRandom(2);
    const values = [0, -1, 1, 63, 64, 2 ** 40, 1e300, 0.5, "a", "weights/a", null, true, [], {}];
    for (let i = 0; i < 3000; i++) {
      const change = (index: Written) => {
        const items = [...index.linears, ...index.vectors];
        const item = items[Math.floor(random.next() * items.length)];
        const keys = Object.keys(item);
        item[keys[Math.floor(random.next() * keys.length)]] = values[Math.floor(random.next() * values.length)];
      };
      try {
        for (const linear of read(change).linears.values())
          expect(linear.offset + partsOf(linear).bytes).toBeLessThanOrEqual(ENTRIES.get(linear.entry)?.bytes ?? -1);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });
});
