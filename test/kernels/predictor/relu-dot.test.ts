import { describe, expect, it } from "vitest";
import { sameBits, worstError } from "../../helpers/cuts.ts";
import { gaussians } from "../../helpers/random.ts";
import { relu_dot_f32, relu_slopes_f32 } from "../../reference/predictor/relu-dot.ts";

/** Rows, columns, columns between rows. */
const SHAPES = [
  [1, 16, 0],
  [5, 48, 3],
  [37, 1024, 16],
] as const;

/** x [rows, cols] and the same with `gap` columns of NaN between rows. */
function rowsOf(rows: number, cols: number, gap: number): { dense: Float32Array; x: Float32Array; ld: number } {
  const dense = gaussians(rows * cols, rows);
  const ld = cols + gap;
  const x = new Float32Array(rows * ld).fill(Number.NaN);
  for (let row = 0; row < rows; row++) x.set(dense.subarray(row * cols, (row + 1) * cols), row * ld);
  return { dense, x, ld };
}

describe("relu_dot_f32", () => {
  it.each(SHAPES)("matches the reference on %i rows of %i columns, %i between them", (rows, cols, gap) => {
    const { dense, x, ld } = rowsOf(rows, cols, gap);
    const w = gaussians(cols, 7);
    const y = sameBits((bench, call) => {
      const to = bench.alloc(4 * rows);
      call("relu_dot_f32", rows, to, bench.put(x), ld, bench.put(w), cols / 16);
      return bench.f32(to, rows);
    });
    expect(worstError(y, relu_dot_f32(dense, w), Math.sqrt(cols))).toBeLessThan(1e-6);
  });

  it("keeps a NaN", () => {
    const x = gaussians(32, 1);
    x[20] = Number.NaN;
    const y = sameBits((bench, call) => {
      const to = bench.alloc(8);
      call("relu_dot_f32", 2, to, bench.put(x), 16, bench.put(gaussians(16, 2)), 1);
      return bench.f32(to, 2);
    });
    expect([...y].map(Number.isNaN)).toEqual([false, true]);
  });
});

describe("relu_slopes_f32", () => {
  it.each(SHAPES)("matches the reference on %i rows of %i columns, %i between them", (rows, cols, gap) => {
    const { dense, x, ld } = rowsOf(rows, cols, gap);
    dense[3] = 0;
    x[3] = 0; // what is not above 0 has no slope
    const [y, w] = [gaussians(rows, 8), gaussians(cols, 9)];
    const found = sameBits((bench, call) => {
      const to = bench.alloc(4 * (rows + 1) * cols);
      const gradient = to + 4 * rows * cols;
      call("relu_slopes_f32", cols / 16, to, gradient, bench.put(y), bench.put(x), ld, bench.put(w), rows);
      return bench.f32(to, (rows + 1) * cols);
    });
    const { slopes, gradient } = relu_slopes_f32(y, dense, w);
    const inPanels = slopes.map((_, at) => {
      const [panel, row] = [Math.floor(at / (16 * rows)), Math.floor(at / 16) % rows];
      return slopes[row * cols + 16 * panel + (at % 16)];
    });
    expect(worstError(found.subarray(0, rows * cols), inPanels, 1e-30)).toBeLessThan(2e-7);
    expect(worstError(found.subarray(rows * cols), gradient, Math.sqrt(rows))).toBeLessThan(1e-6);
  });
});
