import { describe, expect, it } from "vitest";
import {
  packColumns,
  packZeros,
  unpackColumns,
  unpackRows,
  unpackZeros,
} from "../../../src/format/gptq/gptq-packing.ts";
import { BITS } from "../../../src/tensor/linear-shape.ts";
import { mulberry32 } from "../../helpers/random.ts";

const hex = (words: Int32Array) => [...words].map((word) => (word >>> 0).toString(16).padStart(8, "0"));
const fromHex = (...words: string[]) => Int32Array.from(words, (word) => Number.parseInt(word, 16));
const count = (limit: number, length: number) => Uint8Array.from({ length }, (_, i) => i % limit);

/** One bit at a time, as the format's description says: code k of output n at bit k * bits of its stream of words. */
function packColumnsBitwise(codes: Uint8Array, K: number, N: number, bits: number): Int32Array {
  const words = new Int32Array(((K * bits) / 32) * N);
  for (let n = 0; n < N; n++)
    for (let k = 0; k < K; k++)
      for (let bit = 0; bit < bits; bit++) {
        const at = k * bits + bit;
        words[Math.floor(at / 32) * N + n] |= ((codes[n * K + k] >> bit) & 1) << (at % 32);
      }
  return words;
}

describe("packColumns", () => {
  it.each([
    [4, count(8, 8), ["76543210"]],
    [2, count(4, 16), ["e4e4e4e4"]],
    [8, Uint8Array.of(1, 2, 3, 250), ["fa030201"]],
    [3, count(8, 32), ["88fac688", "c688fac6", "fac688fa"]],
  ] as const)("gives the golden words at %i bits", (bits, codes, words) => {
    expect(hex(packColumns(codes, codes.length, 1, bits))).toEqual(words);
    expect(unpackColumns(fromHex(...words), codes.length, 1, bits)).toEqual(codes);
  });

  it.each(BITS)("equals packing bit by bit, and unpackColumns undoes it, at %i bits", (bits) => {
    const random = mulberry32(bits);
    for (const [K, N] of [
      [32, 1],
      [96, 5],
      [128, 17],
      [160, 33],
      [416, 7],
    ]) {
      const codes = Uint8Array.from({ length: N * K }, () => Math.floor(random() * 2 ** bits));
      const packed = packColumns(codes, K, N, bits);
      expect(packed).toEqual(packColumnsBitwise(codes, K, N, bits));
      expect(unpackColumns(packed, K, N, bits)).toEqual(codes);
    }
  });

  it("takes codes from a view that is not aligned", () => {
    const bytes = new Uint8Array(9);
    bytes.set(count(8, 8), 1);
    expect(hex(packColumns(bytes.subarray(1), 8, 1, 4))).toEqual(["76543210"]);
  });

  it("rejects a code that would run into its neighbour, a length that does not fit, and half a word", () => {
    expect(() => packColumns(Uint8Array.of(1, 2, 3, 16, 0, 0, 0, 0), 8, 1, 4)).toThrow(
      "codes: found 16 at 3, expected at most 15 at 4 bits",
    );
    expect(() => packColumns(new Uint8Array(9), 8, 1, 4)).toThrow("codes: found shape [9], expected [1, 8]");
    expect(() => packColumns(new Uint8Array(20), 20, 1, 3)).toThrow(
      "a packed axis of 20, expected multiples of 32 at 3 bits",
    );
    expect(() => unpackColumns(new Int32Array(3), 16, 1, 4)).toThrow("qweight: found shape [3], expected [2]");
  });
});

describe("packZeros", () => {
  it.each([
    [4, ["77777777"], ["88888888"]],
    [8, ["7f7f7f7f"], ["80808080"]],
    [2, ["55555555"], ["aaaaaaaa"]],
    [3, ["db6db6db", "b6db6db6", "6db6db6d"], ["24924924", "49249249", "92492492"]],
  ] as const)("gives the symmetric words of both versions at %i bits", (bits, v1, v2) => {
    const N = (v1.length * 32) / bits;
    const zeros = new Uint8Array(N).fill(2 ** (bits - 1));
    expect(hex(packZeros(zeros, N, 1, bits, "gptq"))).toEqual(v1);
    expect(hex(packZeros(zeros, N, 1, bits, "gptq_v2"))).toEqual(v2);
    expect(unpackZeros(fromHex(...v1), N, 1, bits, "gptq")).toEqual(zeros);
    expect(unpackZeros(fromHex(...v2), N, 1, bits, "gptq_v2")).toEqual(zeros);
  });

  it.each(BITS)("is undone by unpackZeros in both versions at %i bits", (bits) => {
    const random = mulberry32(bits);
    const [N, G] = [96, 5];
    const zeros = Uint8Array.from({ length: N * G }, () => 1 + Math.floor(random() * (2 ** bits - 1)));
    for (const version of ["gptq", "gptq_v2"] as const)
      expect(unpackZeros(packZeros(zeros, N, G, bits, version), N, G, bits, version)).toEqual(zeros);
  });

  it("lets a zero point of 0 borrow from the next field in gptq, as one subtraction from the word does", () => {
    const zeros = Uint8Array.of(5, 0, 0, 7, 1, 15, 0, 9); // [8,1]
    expect(packZeros(zeros, 8, 1, 4, "gptq_v2")).toEqual(Int32Array.of(0x90f17005 | 0));
    expect(packZeros(zeros, 8, 1, 4, "gptq")).toEqual(Int32Array.of((0x90f17005 - 0x11111111) | 0));
  });

  it.each(BITS)("keeps zero points of 0 in both versions at %i bits", (bits) => {
    const random = mulberry32(bits);
    const [N, G] = [96, 5];
    const zeros = Uint8Array.from({ length: N * G }, () => Math.floor(random() * 2 ** bits) * Math.round(random()));
    expect(zeros).toContain(0);
    for (const version of ["gptq", "gptq_v2"] as const)
      expect(unpackZeros(packZeros(zeros, N, G, bits, version), N, G, bits, version)).toEqual(zeros);
  });
});

describe("unpackZeros", () => {
  it("undoes the borrow of a writer that subtracts from the whole word", () => {
    expect([...unpackZeros(fromHex("7776f777"), 8, 1, 4, "gptq")]).toEqual([8, 8, 8, 0, 8, 8, 8, 8]);
    for (const [bits, ones] of [
      [2, 0x55555555],
      [4, 0x11111111],
      [8, 0x01010101],
    ] as const) {
      const zeros = count(2 ** bits, 32 / bits);
      const stored = packZeros(zeros, zeros.length, 1, bits, "gptq_v2").map((word) => word - ones);
      expect(unpackZeros(stored, zeros.length, 1, bits, "gptq")).toEqual(zeros);
    }
  });

  it("adds one to each field by itself at 3 bits, wrapping around", () => {
    const stored = count(8, 32);
    const expected = stored.map((field) => (field + 1) % 8);
    expect(unpackZeros(packColumnsBitwise(stored, 32, 1, 3), 32, 1, 3, "gptq")).toEqual(expected);
  });
});

describe("unpackRows", () => {
  it("gives the fields as stored, group by group", () => {
    expect([...unpackRows(fromHex("76543210", "fedcba98"), 8, 2, 4)]).toEqual([...count(16, 16)]);
  });
});

describe("zero points of a number of outputs that fills no whole words", () => {
  it.each([2, 3, 4, 8] as const)("come back at %i bits; the last words are padded with zeros", (bits) => {
    const [rows, groups] = [33, 3];
    const zeros = Uint8Array.from({ length: rows * groups }, (_, at) => 1 + (at % (2 ** bits - 1)));
    for (const version of ["gptq", "gptq_v2"] as const) {
      const words = packZeros(zeros, rows, groups, bits, version);
      expect(words).toHaveLength(groups * { 2: 3, 3: 6, 4: 5, 8: 9 }[bits]);
      expect(unpackZeros(words, rows, groups, bits, version)).toEqual(zeros);
    }
    const [last] = packZeros(zeros, rows, groups, bits, "gptq_v2").slice(-1);
    if (bits === 4) expect(last).toBe(zeros[(rows - 1) * groups + 2]);
  });
});
