/** R^T R of packed panels against sums in the order of rows, bit for bit. */
import { describe, expect, it } from "vitest";
import { Bench, BUILDS, type Build } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { unpackFactor } from "../../reference/hessian/cholesky.ts";

/** Panels of an upper R [n, n], n a multiple of 4, with zeros below its diagonal. */
function panelsOf(n: number, seed: number): Float64Array {
  const values = gaussians(n * (n + 4), seed);
  const panels = new Float64Array((n * (n + 4)) / 2);
  for (let p = 0, at = 0; 4 * p < n; p++)
    for (let row = 0; row < 4 * p + 4; row++)
      for (let c = 0; c < 4; c++, at++) if (row <= 4 * p + c) panels[at] = values[at];
  return panels;
}

function squareOf(build: Build, panels: Float64Array, n: number, step = 1000): Float32Array {
  const bench = new Bench(build, 16 << 20);
  const r = bench.put(panels);
  const out = bench.alloc(n * n * 4);
  const units = Math.ceil(n / 8);
  for (let u = 0; u < units; u += step)
    bench.kernels.square_f64(u, Math.min(u + step, units), bench.scratch, out, r, n);
  return bench.f32(out, n * n).slice();
}

describe.each(BUILDS)("square_f64 (%s)", (build) => {
  it.each([4, 8, 12, 36, 100, 132])("gives R^T R for n = %i, however the units are cut", (n) => {
    const panels = panelsOf(n, n);
    const r = unpackFactor(panels, n);
    const want = Float32Array.from({ length: n * n }, (_, at) => {
      const [i, j] = [Math.floor(at / n), at % n];
      let sum = 0;
      for (let row = 0; row < n; row++) sum += r[row * n + i] * r[row * n + j];
      return sum;
    });
    expect(squareOf(build, panels, n)).toEqual(want);
    expect(squareOf(build, panels, n, 1)).toEqual(want);
  });
});
