import { describe, expect, it } from "vitest";
import { bf16Value, f16Value, roundedF16, widenFloats } from "../../src/tensor/float16.ts";

describe("roundedF16", () => {
  it("keeps all finite values of 16 bits", () => {
    for (let bits = 0; bits < 0x10000; bits++)
      if ((bits & 0x7c00) !== 0x7c00) expect(roundedF16(f16Value(bits))).toBe(bits);
  });

  it("rounds to the nearest of two neighbours, ties to the even one", () => {
    for (let bits = 0; bits < 0x7bff; bits += 7) {
      const [low, high] = [f16Value(bits), f16Value(bits + 1)];
      const step = high - low;
      expect(roundedF16(low + step / 2)).toBe(bits % 2 === 0 ? bits : bits + 1);
      expect([roundedF16(low + step / 4), roundedF16(low + (3 * step) / 4)]).toEqual([bits, bits + 1]);
      expect(roundedF16(-low - step / 4)).toBe(bits | 0x8000);
    }
  });

  it("has no bits for what is too large, and for what is no number", () => {
    expect([65519.99, 65520, -65520, Infinity, Number.NaN].map(roundedF16)).toEqual([
      0x7bff,
      ...Array(4).fill(undefined),
    ]);
  });
});

describe("widenFloats", () => {
  const words = Uint16Array.from({ length: 0x10000 }, (_, bits) => bits);

  it("gives the values of all f16 and of all bf16, also into a part of an array", () => {
    for (const [dtype, decode] of [["f16", f16Value] as const, ["bf16", bf16Value] as const]) {
      const room = new Float32Array(words.length + 2);
      widenFloats(room.subarray(1, words.length + 1), words, dtype);
      expect(room.subarray(1, words.length + 1)).toEqual(Float32Array.from(words, decode));
      expect([room[0], room[words.length + 1]]).toEqual([0, 0]);
    }
  });
});
