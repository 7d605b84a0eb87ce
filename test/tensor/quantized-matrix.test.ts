import { describe, expect, it } from "vitest";
import { firstTooLarge } from "../../src/tensor/quantized-matrix.ts";

describe("firstTooLarge", () => {
  it("finds the first code beyond its bits, at any place of an array that begins anywhere", () => {
    for (const bits of [2, 3, 4, 8] as const)
      for (const offset of [0, 1, 4])
        for (let bad = 0; bad < 11; bad++) {
          const codes = new Uint8Array(16).subarray(offset, offset + 11).fill(2 ** bits - 1);
          expect(firstTooLarge(codes, bits)).toBe(-1);
          codes[bad] = 2 ** bits;
          codes[10] = 255;
          expect(firstTooLarge(codes, bits)).toBe(bits === 8 ? -1 : bad);
        }
  });
});
