import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { gaussians } from "../../helpers/random.ts";
import { rope_f32, rope_pairs_f32 } from "../../reference/network/rope.ts";

const TWINS = { rope_f32, rope_pairs_f32 };

/** Any numbers serve as cosines and sines here. */
function scenario(kernel: keyof typeof TWINS, heads: number, headDim: number, rotaryDim: number) {
  const positions = Int32Array.from([3, 0, 7, 7, 1]);
  const table = gaussians(8 * rotaryDim, 1);
  const width = heads * headDim;
  const ldx = width + 3;
  const x = gaussians(positions.length * ldx, 2);
  const y = sameBits((bench, call) => {
    const at = bench.put(x);
    call(kernel, positions.length, at, ldx, bench.put(positions), bench.put(table), heads, headDim, rotaryDim);
    return bench.f32(at, x.length);
  });
  const expected = Float64Array.from(x);
  positions.forEach((position, t) => {
    const cos = table.subarray(position * rotaryDim, position * rotaryDim + rotaryDim / 2);
    const sin = table.subarray(position * rotaryDim + rotaryDim / 2, (position + 1) * rotaryDim);
    expected.set(TWINS[kernel](x.subarray(t * ldx, t * ldx + width), cos, sin, heads, headDim, rotaryDim), t * ldx);
  });
  return { y, expected };
}

describe.each(["rope_f32", "rope_pairs_f32"] as const)("%s", (kernel) => {
  it.each([
    [1, 2, 2],
    [3, 16, 16],
    [2, 64, 64],
    [4, 128, 128],
    [2, 30, 30],
    [2, 17, 10],
    [3, 80, 32],
  ])("matches the reference with %i heads of %i, %i of them turned", (heads, headDim, rotaryDim) => {
    const { y, expected } = scenario(kernel, heads, headDim, rotaryDim);
    expect(worstError(y, expected, 1)).toBeLessThan(3e-7);
  });
});
