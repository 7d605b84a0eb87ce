/** Numbers of the made models: their distribution, float16, and the rounding to blocks. */
import { describe, expect, it } from "vitest";
import { f16Value } from "../../src/tensor/float16.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { dequantized } from "../reference/gguf-blocks.ts";

interface Numbers {
  normalNumbers(seed: string, deviation: number, mean?: number): (out: Float32Array) => void;
  halfBits(value: number): number;
  readonly TYPES: Record<string, { bytes: number; round(values: Float32Array, out: Uint8Array): void }>;
}
const { normalNumbers, halfBits, TYPES } = (await import(
  repositoryFile("bench/peers/models/numbers.mjs")
)) as unknown as Numbers;

describe("normalNumbers", () => {
  it("has the mean and the deviation that are asked for, and depends on the seed only", () => {
    const made = (seed: string) => {
      const out = new Float32Array(20_000);
      normalNumbers(seed, 0.5, 2)(out);
      return out;
    };
    const numbers = made("a");
    const mean = numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
    const variance = numbers.reduce((sum, value) => sum + (value - mean) ** 2, 0) / numbers.length;
    expect(mean).toBeCloseTo(2, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(0.5, 2);
    expect(made("a")).toEqual(numbers);
    expect(made("b")).not.toEqual(numbers);
  });
});

describe("halfBits", () => {
  it("gives back every normal float16, and the nearest one, ties to even", () => {
    for (let bits = 0x0400; bits < 0x7c00; bits += 7) expect(halfBits(f16Value(bits))).toBe(bits);
    expect(halfBits(-1.5)).toBe(0xbe00);
    expect(halfBits(1 + 2 ** -11)).toBe(0x3c00);
    expect(halfBits(1 + 3 * 2 ** -11)).toBe(0x3c02);
    expect(halfBits(1e9)).toBe(0x7c00);
    expect(halfBits(1e-9)).toBe(0);
  });
});

describe("blocks", () => {
  it.each([
    ["q4_0", "Q4_0", 8],
    ["q8_0", "Q8_0", 127],
  ] as const)("of %s are within half a step of the values", (type, twin, steps) => {
    const values = new Float32Array(64);
    normalNumbers("blocks", 1)(values);
    const out = new Uint8Array(2 * TYPES[type].bytes);
    TYPES[type].round(values, out);
    const found = dequantized(twin, out);
    for (let block = 0; block < 2; block++) {
      const part = [...values.slice(32 * block, 32 * block + 32)];
      const step = Math.max(...part.map(Math.abs)) / steps;
      // In Q4_0 the largest value of the other sign may be a code short; the scale is rounded to float16 in both.
      const limit = type === "q4_0" ? 1.01 * step : 0.57 * step;
      part.forEach((value, i) => {
        expect(Math.abs(value - found[32 * block + i])).toBeLessThan(limit);
      });
    }
  });
});
