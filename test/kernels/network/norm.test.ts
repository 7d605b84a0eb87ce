import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { f32Bits } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { rmsnorm_f32, rmsnorm_heads_f32 } from "../../reference/network/norm.ts";

const ROWS = 5;

describe("rmsnorm_f32", () => {
  it.each([1, 2, 3, 7, 15, 16, 17, 64, 101, 1024])("matches the reference at width %i, also in place", (width) => {
    const x = gaussians(ROWS * width, 1, 0.01);
    const weight = gaussians(width, 2);
    const expected = rmsnorm_f32(x, weight, width, Math.fround(1e-6));
    for (const inPlace of [false, true]) {
      const y = sameBits((bench, call) => {
        const from = bench.put(x);
        const to = inPlace ? from : bench.alloc(x.byteLength);
        call("rmsnorm_f32", ROWS, to, width, from, width, bench.put(weight), width, f32Bits(1e-6));
        return bench.f32(to, x.length);
      });
      expect(worstError(y, expected, 0)).toBeLessThan(2e-7);
    }
  });

  it("keeps tiny columns beside one of 2e4", () => {
    const x = gaussians(512, 3).map((value) => value * 1e-3);
    x[7] = 2e4;
    const weight = new Float32Array(512).fill(1);
    const y = sameBits((bench, call) => {
      const to = bench.alloc(x.byteLength);
      call("rmsnorm_f32", 1, to, 512, bench.put(x), 512, bench.put(weight), 512, f32Bits(1e-5));
      return bench.f32(to, x.length);
    });
    expect(worstError(y, rmsnorm_f32(x, weight, 512, Math.fround(1e-5)), 0)).toBeLessThan(2e-7);
  });

  it("leaves the columns between rows alone", () => {
    const y = sameBits((bench, call) => {
      const to = bench.put(new Float32Array(ROWS * 9).fill(5));
      call("rmsnorm_f32", ROWS, to, 9, bench.put(gaussians(ROWS * 8, 4)), 8, bench.put(gaussians(7, 5)), 7, f32Bits(0));
      return bench.f32(to, ROWS * 9);
    });
    for (let row = 0; row < ROWS; row++) expect([...y.slice(row * 9 + 7, row * 9 + 9)]).toEqual([5, 5]);
  });
});

describe("rmsnorm_heads_f32", () => {
  it.each([
    [1, 2],
    [3, 16],
    [5, 7],
    [4, 128],
  ])("normalises %i heads of %i columns each by itself", (heads, headDim) => {
    const width = heads * headDim;
    const ld = width + 3;
    const x = gaussians(ROWS * ld, 1);
    const weight = gaussians(headDim, 2);
    const y = sameBits((bench, call) => {
      const at = bench.put(x);
      call("rmsnorm_heads_f32", ROWS, at, ld, bench.put(weight), heads, headDim, f32Bits(1e-6));
      return bench.f32(at, x.length);
    });
    const expected = Float64Array.from(x);
    for (let row = 0; row < ROWS; row++)
      expected.set(rmsnorm_heads_f32(x.subarray(row * ld, row * ld + width), weight, Math.fround(1e-6)), row * ld);
    expect(worstError(y, expected, 0)).toBeLessThan(3e-7);
  });
});
