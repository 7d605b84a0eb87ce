import { describe, expect, it } from "vitest";
import { sameBits } from "../../helpers/cuts.ts";
import { Bench, BUILDS } from "../../helpers/kernels.ts";
import { linearBench, putRecords } from "../../helpers/linear.ts";
import { gaussians } from "../../helpers/random.ts";
import { activations } from "../../reference/gptq/grid.ts";
import { type Mode, roundBack, roundRow } from "../../reference/matmul/activations.ts";

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
      const { at, layout } = putRecords(bench, x, k, actGroup, mode, mode === 0 ? 1 : 2);
      for (let t = 0; t < 6; t++) {
        const record = at + t * layout.recordBytes;
        const expected = roundRow(x.subarray(t * k, (t + 1) * k), actGroup, mode);
        const groups = expected.scales.length;
        const wide = Array.from({ length: k }, (_, i) => expected.codes[(i & ~3) + [0, 2, 1, 3][i & 3]]);
        expect(Array.from(bench.i16(record + layout.wideOffset, k))).toEqual(wide);
        const upper = expected.codes.map((code) => (mode === 0 ? code : Math.floor((code + 128) / 256)));
        expect(bench.i8(record + layout.narrowOffset, k)).toEqual(Int8Array.from(upper));
        if (mode === 1)
          expect(bench.i8(record + layout.narrowOffset + k, k)).toEqual(
            Int8Array.from(expected.codes, (code, col) => code - 256 * upper[col]),
          );
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
    const { at } = putRecords(bench, x, 64, 32, 0, 1);
    const meta = bench.f32(at, 4);
    expect(Number.isFinite(meta[0])).toBe(false);
    expect(Number.isFinite(meta[2])).toBe(false);
  });
});

// adding 0 makes -0 and 0 equal: only the value is promised
const plain = (values: Float32Array) => values.map((value) => value + 0);

describe("round_act", () => {
  /** All six rows of `rows(k)`, read with a gap behind each; `scales`, one a group, or none. */
  const run = (x: Float32Array, k: number, actGroup: number, levels: number, scales?: Float32Array) =>
    sameBits((bench, call) => {
      const ldy = k + 3;
      const y = bench.alloc(6 * ldy * 4);
      bench.f32(y, 6 * ldy).fill(9);
      const table = scales === undefined ? 0 : bench.put(scales);
      call("round_act", 6, y, ldy, bench.put(x), k, k, actGroup, levels, table);
      return bench.f32(y, 6 * ldy);
    });

  /** What the twin makes of them. */
  const expected = (x: Float32Array, k: number, actGroup: number, levels: number, scales?: Float32Array) =>
    Float32Array.from(
      [0, 1, 2, 3, 4, 5].flatMap((t) => [
        ...roundBack(x.subarray(t * k, (t + 1) * k), actGroup, levels, scales),
        ...[9, 9, 9],
      ]),
    );

  describe.each([7, 127, 32767])("%i levels", (levels) => {
    it.each([
      [32, 32],
      [7, 32],
      [75, 32],
      [192, 192],
      [1000, 128],
    ])("K = %i in groups of %i gives code * scale", (k, actGroup) => {
      const x = rows(k);
      expect(plain(run(x, k, actGroup, levels))).toEqual(plain(expected(x, k, actGroup, levels)));
    });

    it("takes scales as they are given, and cuts off what lies beyond", () => {
      const x = rows(75);
      const scales = Float32Array.of(0.01, 0, 1.5);
      const found = run(x, 75, 32, levels, scales);
      expect(plain(found)).toEqual(plain(expected(x, 75, 32, levels, scales)));
      const most = Math.fround(levels * scales[0]);
      expect(found.includes(most)).toBe(x.some((value, i) => i % 75 < 32 && value > most));
    });
  });

  it("may write over its input", () => {
    const bench = new Bench("base");
    const x = rows(75);
    const at = bench.put(x);
    bench.kernels.round_act(0, 6, bench.scratch, at, 75, at, 75, 75, 32, 127, 0);
    expect(plain(bench.f32(at, 75))).toEqual(plain(roundBack(x.subarray(0, 75), 32, 127)));
  });

  it("gives NaN for NaN under given scales too", () => {
    const x = rows(32).fill(NaN, 1, 6);
    expect(Array.from(run(x, 32, 32, 7, Float32Array.of(1)).subarray(1, 6))).toEqual(Array(5).fill(NaN));
    expect(Number.isNaN(run(x, 32, 32, 7)[1])).toBe(true);
  });
});
