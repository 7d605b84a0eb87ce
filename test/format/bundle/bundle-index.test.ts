import { describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../../src/base/errors.ts";
import { type JsonObject, parseJson } from "../../../src/base/json.ts";
import { createRandom } from "../../../src/base/random.ts";
import { BUNDLE_VERSION, partsOf, readBundleIndex } from "../../../src/format/bundle/bundle-index.ts";
import { PANEL_VERSION } from "../../../src/tensor/panel.ts";
import type { WrittenIndex } from "../../helpers/bundles.ts";

const SHAPE = { rows: 32, cols: 64, perm: false, bias: false, checksum: 5 };
const LINEARS = [
  { ...SHAPE, name: "a", offset: 1024, form: { kind: "float", dtype: "bf16" } },
  {
    ...SHAPE,
    name: "b",
    offset: 5120,
    form: { kind: "packed", bits: 3, groupSize: 32, zero: -1 },
    perm: true,
    bias: true,
  },
  { ...SHAPE, name: "c", offset: 6592, form: { kind: "blocks", bits: 5, groupSize: 32, blockSize: 32 } },
] as const;
const FILES = [
  { name: "config.json", offset: 64, bytes: 30, crc: 1 },
  { name: "weights/v", offset: 128, bytes: 256, crc: 2, shape: [64] },
] as const;
const SIZE = 6592 + partsOf(LINEARS[2]).bytes;

function read(change: (index: WrittenIndex) => unknown = () => {}) {
  const whole = { format: BUNDLE_VERSION, panels: PANEL_VERSION, files: FILES, linears: LINEARS };
  const index = JSON.parse(JSON.stringify(whole)) as WrittenIndex;
  change(index);
  return readBundleIndex(parseJson(JSON.stringify(index), "x") as JsonObject, "m.quern", SIZE);
}

describe("partsOf", () => {
  it("puts the permutation and the bias behind the panels, at whole lines", () => {
    const packed = LINEARS[1];
    expect(partsOf(packed)).toEqual({ panels: 2 * 2 * (48 + 192), perm: 960, bias: 1216, bytes: 1344 });
    expect(partsOf({ ...packed, perm: false })).toMatchObject({ bias: 960, bytes: 1088 });
    expect(partsOf({ ...packed, form: { ...packed.form, zero: 4 } })).toMatchObject({ panels: 896 });
  });
});

describe("readBundleIndex", () => {
  it("reads what was written", () => {
    const { files, linears } = read();
    expect([...linears.values()]).toEqual(LINEARS);
    expect([...files.values()]).toEqual(FILES);
  });

  it("refuses other versions by name", () => {
    const version = (index: WrittenIndex) => Object.assign(index, { format: 2 });
    expect(() => read(version)).toThrow(UnsupportedError);
    expect(() => read(version)).toThrow(
      "m.quern: found a bundle of version 2 with panels of version 1, expected a bundle of version 1 with panels of version 1",
    );
    expect(() => read((index) => Object.assign(index, { panels: 9 }))).toThrow("with panels of version 9, expected");
    expect(() => read((index) => Object.assign(index, { format: undefined }))).toThrow("a bundle of version nothing");
  });

  it.each<readonly [string, (index: WrittenIndex) => unknown, RegExp]>([
    ["lists", (index) => Object.assign(index, { linears: {} }), /linears: found an object, expected an array/],
    ["items", (index) => Object.assign(index, { files: [5] }), /files\[0\]: found 5, expected a JSON object/],
    ["a name", ({ linears }) => Object.assign(linears[0], { name: 5 }), /linears\[0\]: found the name 5, expected one/],
    ["a name twice", ({ linears }) => Object.assign(linears[1], { name: "a" }), /linears\[1\]: found the name "a"/],
    [
      "rows",
      ({ linears }) => Object.assign(linears[0], { rows: -1 }),
      /linears\[0\]: rows: found -1, expected a whole/,
    ],
    ["columns", ({ linears }) => Object.assign(linears[0], { cols: 1e300 }), /cols: found 1e\+300, expected a whole/],
    [
      "a huge shape",
      ({ linears }) => Object.assign(linears[2], { rows: 2 ** 31 }),
      /found c at 6592 to \d+, expected lines/,
    ],
    [
      "a kind",
      ({ linears }) => Object.assign(linears[0], { form: { kind: "sparse" } }),
      /found \{"kind":"sparse"\} in rows/,
    ],
    [
      "no form",
      ({ linears }) => Object.assign(linears[0], { form: null }),
      /found null in rows of 64, expected a form/,
    ],
    ["a type", ({ linears }) => Object.assign(linears[0], { form: { kind: "float", dtype: "f8" } }), /"dtype":"f8"/],
    ["bits", ({ linears }) => Object.assign(linears[1]["form"] as object, { bits: 5 }), /"bits":5/],
    ["a group", ({ linears }) => Object.assign(linears[1]["form"] as object, { groupSize: 48 }), /"groupSize":48/],
    [
      "a group of none",
      ({ linears }) => Object.assign(linears[1]["form"] as object, { groupSize: 0 }),
      /"groupSize":0/,
    ],
    ["a zero", ({ linears }) => Object.assign(linears[1]["form"] as object, { zero: 8 }), /"zero":8/],
    ["blocks", ({ linears }) => Object.assign(linears[2]["form"] as object, { groupSize: 16 }), /"groupSize":16/],
    [
      "blocks beyond rows",
      ({ linears }) => Object.assign(linears[2]["form"] as object, { blockSize: 256 }),
      /"blockSize":256/,
    ],
    [
      "overlaps",
      ({ linears }) => Object.assign(linears[1], { offset: 1088 }),
      /found b at 1088 to 2432, expected lines from 5120/,
    ],
    [
      "what overlaps files",
      ({ linears }) => Object.assign(linears[0], { offset: 64 }),
      /found a at 64 to 4160, expected lines from 384/,
    ],
    [
      "what goes beyond",
      ({ files }) => Object.assign(files[1], { bytes: 1e9 }),
      /found weights\/v at 128 to 1000000128/,
    ],
    ["odd places", ({ files }) => Object.assign(files[1], { offset: 100 }), /found weights\/v at 100/],
    [
      "a shape",
      ({ files }) => Object.assign(files[1], { shape: ["x"] }),
      /files\[1\]: shape: found "x", expected a whole/,
    ],
  ])("refuses %s", (_, change, message) => {
    expect(() => read(change)).toThrow(FormatError);
    expect(() => read(change)).toThrow(message);
  });

  it("ends in a typed error or in linears within the file, whatever values are changed", () => {
    const random = createRandom(2);
    const values = [0, -1, 1, 63, 64, 2 ** 40, 1e300, 0.5, "a", "float", null, true, [], {}, { kind: "packed" }];
    for (let i = 0; i < 4000; i++) {
      const change = ({ files, linears }: WrittenIndex) => {
        const items = [...files, ...linears, ...linears.map(({ form }) => form as Record<string, unknown>)];
        const item = items[Math.floor(random.next() * items.length)];
        const keys = Object.keys(item);
        item[keys[Math.floor(random.next() * keys.length)]] = values[Math.floor(random.next() * values.length)];
      };
      try {
        for (const linear of read(change).linears.values())
          expect(linear.offset + partsOf(linear).bytes).toBeLessThanOrEqual(SIZE);
      } catch (error) {
        expect(error).toBeInstanceOf(FormatError);
      }
    }
  });
});
