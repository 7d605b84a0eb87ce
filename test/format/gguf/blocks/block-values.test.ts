import { describe, expect, it } from "vitest";
import { blockForm, unpackBlocks } from "../../../../src/format/gguf/blocks/block-codes.ts";
import { blockValues } from "../../../../src/format/gguf/blocks/block-values.ts";
import { BLOCK_TYPES, type BlockType } from "../../../../src/format/gguf/gguf-types.ts";
import { randomBlocks } from "../../../helpers/gguf-blocks.ts";
import { dequantized, TWIN_TYPES, TYPES } from "../../../reference/gguf-blocks.ts";

const typeOf = (name: (typeof TWIN_TYPES)[number]) => BLOCK_TYPES.get(TYPES[name].id) as BlockType;
const hex = (text: string) => Uint8Array.from(text.split(" "), (byte) => Number.parseInt(byte, 16));

describe.each(TWIN_TYPES)("blocks of %s", (name) => {
  const type = typeOf(name);
  const bytes = randomBlocks(name, 4 * 256, 7);

  it("have the sizes of the published layout", () => {
    expect([type.name, type.elements, type.bytes]).toEqual([name, TYPES[name].elements, TYPES[name].bytes]);
  });

  it("have the values of the twin, rounded once", () => {
    // The sign of a zero does not matter.
    const unsigned = (values: ArrayLike<number>) => Float32Array.from(values, (value) => value + 0);
    expect(unsigned(blockValues(type, bytes))).toEqual(unsigned(dequantized(name, bytes)));
  });

  it("have codes in the range of their form", () => {
    const form = blockForm(type.name);
    if (form === undefined) return expect(name).toBe("MXFP4");
    const { codes } = unpackBlocks(type, form, bytes);
    expect([Math.min(...codes), Math.max(...codes)]).toEqual(form.codes);
  });
});

// Made with gguf-py: x[i] = i - 16.
describe("published blocks", () => {
  it("of Q8_0 give what was quantised", () => {
    const block = hex(
      "08 30 81 89 91 99 a1 a9 b1 b9 c0 c8 d0 d8 e0 e8 f0 f8 00 08 10 18 20 28 30 38 40 47 4f 57 5f 67 6f 77",
    );
    const values = blockValues(typeOf("Q8_0"), block);
    expect(values.every((value, i) => Math.abs(value - (i - 16)) < 0.07)).toBe(true);
  });

  it("of Q4_0 give what was quantised", () => {
    const values = blockValues(typeOf("Q4_0"), hex("00 40 80 91 91 a2 a2 b3 b3 c4 c4 d5 d5 e6 e6 f7 f7 f8"));
    expect([...values.slice(0, 4), values[30], values[31]]).toEqual([-16, -14, -14, -12, 14, 14]);
  });

  it("of Q4_K have the values that gguf-py gives", () => {
    const scales = Array.from({ length: 12 }, (_, i) => (37 * i + 11) & 255);
    const codes = Array.from({ length: 128 }, (_, i) => (29 * i + 7) & 255);
    const values = blockValues(typeOf("Q4_K"), Uint8Array.from([0, 0x38, 0, 0x34, ...scales, ...codes]));
    const expected = {
      0: 30.75,
      1: 14.25,
      31: 47.25,
      32: -1,
      63: 191,
      64: 63.25,
      128: 1.75,
      160: 2.75,
      192: 87.75,
      224: 123.5,
      255: 51.5,
    };
    for (const [at, value] of Object.entries(expected)) expect(values[Number(at)]).toBe(value);
  });
});
