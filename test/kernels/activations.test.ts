import { describe, expect, it } from "vitest";
import { Bench, BUILDS } from "../helpers/kernels.ts";
import { linearBench, putRecords } from "../helpers/linear.ts";
import { gaussians } from "../helpers/random.ts";
import { type Mode, roundRow } from "../reference/activations.ts";
import { activations } from "../reference/grid.ts";

const MODES: Mode[] = [0, 1];

/** Rows with every border case: ordinary, zero, tiny, huge, halves that tie, one negative outlier. */
function rows(k: number): Float32Array {
  const x = activations(6, k, k);
  x.fill(0, k, 2 * k);
  for (let col = 0; col < k; col++) {
    x[2 * k + col] *= 2 ** -110;
    x[3 * k + col] *= 1e5;
    x[4 * k + col] = col % 32 === 0 ? 127 : (col % 9) - 4.5;
  }
  x[5 * k + 3] = -1000;
  return x;
}

describe.each(BUILDS)("quantize_act, %s", (build) => {
  describe.each(MODES)("mode %i", (mode) => {
    it.each([
      [32, 32],
      [96, 64],
      [160, 128],
      [4096, 128],
    ])("K = %i in groups of %i writes codes, scales and sums of the reference", (k, actGroup) => {
      const bench = linearBench(build);
      const x = rows(k);
      const { at, layout } = putRecords(bench, x, k, actGroup, mode, mode === 0);
      for (let t = 0; t < 6; t++) {
        const record = at + t * layout.recordBytes;
        const expected = roundRow(x.subarray(t * k, (t + 1) * k), actGroup, mode);
        const groups = expected.scales.length;
        const wide = Array.from({ length: k }, (_, i) => expected.codes[(i & ~3) + [0, 2, 1, 3][i & 3]]);
        expect(Array.from(bench.i16(record + layout.wideOffset, k))).toEqual(wide);
        if (mode === 0) expect(bench.i8(record + layout.narrowOffset, k)).toEqual(Int8Array.from(expected.codes));
        const meta = bench.f32(record, 2 * groups).filter((_, i) => i % 2 === 0);
        expect(meta).toEqual(expected.scales.map((scale) => scale * 2 ** 112));
        expect(bench.i32(record, 2 * groups).filter((_, i) => i % 2 === 1)).toEqual(expected.sums);
      }
    });
  });
  it("makes the scale of a group not finite when one of its columns is", () => {
    const bench = linearBench(build);
    const x = gaussians(64, 1);
    x[3] = NaN;
    x[40] = Infinity;
    const { at } = putRecords(bench, x, 64, 32, 0, true);
    const meta = bench.f32(at, 4);
    expect(Number.isFinite(meta[0])).toBe(false);
    expect(Number.isFinite(meta[2])).toBe(false);
  });
});

describe("round_act", () => {
  describe.each(MODES)("mode %i", (mode) => {
    it.each([
      [32, 32],
      [7, 32],
      [75, 32],
      [1000, 128],
    ])("K = %i in groups of %i gives code * scale", (k, actGroup) => {
      const bench = new Bench("base");
      const x = activations(3, k, 5);
      x.fill(0, k, 2 * k);
      const [at, ldy] = [bench.put(x), k + 3];
      const y = bench.alloc(3 * ldy * 4);
      bench.f32(y, 3 * ldy).fill(9);
      bench.kernels.round_act(0, 3, bench.scratch, y, ldy, at, k, k, actGroup, mode);
      for (let t = 0; t < 3; t++) {
        const { codes, scales } = roundRow(x.subarray(t * k, (t + 1) * k), actGroup, mode);
        const expected = Float32Array.from(codes, (code, col) => code * scales[Math.floor(col / actGroup)]);
        // adding 0 makes -0 and 0 equal: only the value is promised
        expect(bench.f32(y + t * ldy * 4, k).map((v) => v + 0)).toEqual(expected.map((v) => v + 0));
        expect(Array.from(bench.f32(y + (t * ldy + k) * 4, 3))).toEqual([9, 9, 9]);
      }
      bench.kernels.round_act(0, 3, bench.scratch, at, k, at, k, k, actGroup, mode);
      expect(bench.f32(at, k)).toEqual(bench.f32(y, k));
    });
  });
});
