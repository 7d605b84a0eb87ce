/** gram_f32, gram_f64 and their packing against plain sums in f64. */
import { describe, expect, it } from "vitest";
import { gramUnits } from "../../../src/quant/hessian.ts";
import { Bench, BUILDS, type Build } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { gram, packedAt } from "../../reference/hessian/gram.ts";

type Precision = "f32" | "f64";

/** H after one chunk of t rows, computed in the given cuts of the units. */
function run(
  build: Build,
  precision: Precision,
  x: Float32Array,
  index: Int32Array | undefined,
  ldx: number,
  t: number,
  k: number,
  step: number,
) {
  const bench = new Bench(build, 16 << 20);
  const units = Math.ceil(k / 8);
  const h = bench.alloc(32 * units * (units + 1) * 8);
  const panels = bench.alloc(units * 8 * t * 4);
  const xPtr = bench.put(x);
  const indexPtr = index === undefined ? 0 : bench.put(index);
  const { kernels, scratch } = bench;
  for (let u = 0; u < units; u += step)
    kernels.gram_pack(u, Math.min(u + step, units), scratch, panels, xPtr, indexPtr, ldx, t, k);
  const rows = gramUnits(k);
  for (let u = 0; u < rows; u += step)
    kernels[`gram_${precision}`](u, Math.min(u + step, rows), scratch, h, panels, t, k);
  return bench.f64(h, 32 * units * (units + 1)).slice();
}

describe.each(BUILDS)("gram (%s)", (build) => {
  describe.each([
    ["f32", 3e-6],
    ["f64", 1e-14],
  ] as const)("gram_%s", (precision, tolerance) => {
    it.each([
      [1, 1],
      [7, 3],
      [8, 16],
      [9, 5],
      [16, 256],
      [33, 100],
      [40, 17],
    ])("matches X^T X for %i columns and %i rows", (k, t) => {
      const x = gaussians(t * (k + 3), k);
      const got = run(build, precision, x, undefined, k + 3, t, k, 1000);
      const want = gram(x, undefined, k + 3, t, k);
      for (let row = 0; row < k; row++)
        for (let col = 0; col <= row; col++) {
          const size = Math.sqrt(want[row * k + row] * want[col * k + col]);
          expect(Math.abs(packedAt(got, row, col) - want[row * k + col]) / size).toBeLessThan(tolerance);
        }
    });

    it("takes the rows that an index names", () => {
      const x = gaussians(20 * 24, 3);
      const index = Int32Array.from([19, 0, 7, 7, 12]);
      const got = run(build, precision, x, index, 24, 5, 24, 1000);
      const want = gram(x, index, 24, 5, 24);
      expect(packedAt(got, 23, 4)).toBeCloseTo(want[23 * 24 + 4], 4);
      expect(packedAt(got, 9, 9)).toBeCloseTo(want[9 * 24 + 9], 4);
    });

    it("gives the same bits however the units are cut", () => {
      const x = gaussians(64 * 60, 4);
      const whole = run(build, precision, x, undefined, 60, 64, 60, 1000);
      expect(run(build, precision, x, undefined, 60, 64, 60, 1)).toEqual(whole);
      expect(run(build, precision, x, undefined, 60, 64, 60, 3)).toEqual(whole);
    });

    it("gives the bits of the base build", () => {
      const x = gaussians(64 * 60, 5);
      const base = run("base", precision, x, undefined, 60, 64, 60, 1000);
      expect(run(build, precision, x, undefined, 60, 64, 60, 1000)).toEqual(base);
    });
  });
});
