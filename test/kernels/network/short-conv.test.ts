import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { gaussians } from "../../helpers/random.ts";
import { short_conv_f32 } from "../../reference/network/short-conv.ts";

/** Four tokens on two branches: the cache rows of each one's sequence, in the order of positions. */
const PATHS = [[5], [5, 2], [5, 2, 3, 4], [5, 2, 9]];
/** Places that rows share: row r lies at place r % PLACES. The last row is beyond them. */
const PLACES = 8;

/** The rows of each path as segments of neighbouring cache rows. */
function segmentsOf(paths: readonly (readonly number[])[]) {
  const offsets = [0];
  const segments: number[] = [];
  for (const path of paths) {
    path.forEach((row, i) => {
      if (i > 0 && row === path[i - 1] + 1) segments[segments.length - 1]++;
      else segments.push(row, 1);
    });
    offsets.push(segments.length / 2);
  }
  return { offsets: Int32Array.from(offsets), segments: Int32Array.from(segments) };
}

describe("short_conv_f32", () => {
  it.each([
    [1, 3],
    [7, 3],
    [16, 4],
    [21, 2],
    [12, 1],
  ])("matches the reference over %i columns with %i taps, on branches, with and without a bias", (width, taps) => {
    const [ldc, ldy] = [width + 2, width + 3];
    const cache = gaussians(PLACES * width, 1);
    const weight = gaussians(taps * width, 2);
    const c = gaussians(PATHS.length * ldc, 3);
    for (const bias of [undefined, gaussians(width, 4)]) {
      const y = sameBits((bench, call) => {
        const to = bench.put(new Float32Array(PATHS.length * ldy).fill(9));
        const { offsets, segments } = segmentsOf(PATHS);
        const [rows, at, list] = [bench.put(cache), bench.put(offsets), bench.put(segments)];
        const biasPtr = bias === undefined ? 0 : bench.put(bias);
        // biome-ignore format: one line a call
        call("short_conv_f32", PATHS.length, to, ldy, bench.put(c), ldc, rows, at, list, bench.put(weight), biasPtr, taps, width, PLACES);
        return bench.f32(to, PATHS.length * ldy);
      });
      const expected = new Float64Array(y.length).fill(9);
      PATHS.forEach((path, t) => {
        for (let col = 0; col < width; col++) {
          const gated = path.map((row) => cache[(row % PLACES) * width + col]);
          const taken = Array.from({ length: taps }, (_, tap) => weight[tap * width + col]);
          expected[t * ldy + col] = short_conv_f32(gated, taken, bias?.[col] ?? 0, c[t * ldc + col]);
        }
      });
      expect(worstError(y, expected, 1)).toBeLessThan(1e-6);
    }
  });
});

describe("store_gated_f32", () => {
  it("writes each token's product to the place of its cache row and nothing else", () => {
    const [width, ld] = [7, 22];
    const rows = Int32Array.from([7, 0]);
    const x = gaussians(2 * ld, 1);
    const cache = sameBits((bench, call) => {
      const at = bench.put(new Float32Array(4 * width));
      const from = bench.put(x);
      call("store_gated_f32", 2, at, from, from + 8 * width, ld, bench.put(rows), width, 4);
      return bench.f32(at, 4 * width);
    });
    const expected = new Float32Array(4 * width);
    rows.forEach((row, t) => {
      for (let col = 0; col < width; col++)
        expected[(row % 4) * width + col] = Math.fround(x[t * ld + col] * x[t * ld + 2 * width + col]);
    });
    expect(cache).toEqual(expected);
  });
});
