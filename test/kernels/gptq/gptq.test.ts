/** gptq_f64 has the very bits of the unblocked loop. */
import { describe, expect, it } from "vitest";
import type { GptqOptions } from "../../../src/quant/gptq.ts";
import { columnWords, gridFlags } from "../../../src/quant/grid.ts";
import { Bench, BUILDS, type Build } from "../../helpers/kernels.ts";
import { gaussians } from "../../helpers/random.ts";
import { type Expected, gptqReference, hessianOf } from "../../reference/gptq/gptq.ts";
import { upperFactor } from "../../reference/hessian/cholesky.ts";

const OPTIONS: GptqOptions = {
  ...{ bits: 4, groupSize: 16, symmetric: true, clip: "none", scaleRounding: "f16" },
  ...{ actOrder: "none", staticGroups: false, deadColumns: "keep", dampPercent: 0.01 },
};

function packFactor(r: Float64Array, k: number): Float64Array {
  const packed: number[] = [];
  for (let c = 0; c < k; c += 4)
    for (let row = 0; row < c + 4; row++)
      for (let i = c; i < c + 4; i++) packed.push(row <= i && i < k ? r[row * k + i] : row === i ? 1 : 0);
  return Float64Array.from(packed);
}

/** The loop on weights in natural order, with the reference's factor. */
function run(
  build: Build,
  w: Float32Array,
  r: Float64Array,
  n: number,
  k: number,
  want: Expected,
  options: GptqOptions,
  step: number,
) {
  const bench = new Bench(build, 16 << 20);
  const { kernels, scratch } = bench;
  const groups = want.scales.length / n;
  const columns = bench.put(columnWords(want.perm, want.gIdx));
  const units = Math.ceil(n / 16);
  const loops = Math.ceil(units / 4);
  const [tiles, codes, loss] = [bench.alloc(units * k * 128), bench.alloc(n * k), bench.alloc(n * 8)];
  const [scales, zeros] = [bench.alloc(n * groups * 4), bench.alloc(n * groups)];
  const [weights, factor, diagonal] = [bench.put(w), bench.put(packFactor(r, k)), bench.put(new Float64Array(k))];
  kernels.tile_load_f64(0, units, scratch, tiles, weights, columns, 0, n, k);
  const flags = gridFlags(options, true);
  for (let u = 0; u < loops; u += step)
    // biome-ignore format: one line a call
    kernels.gptq_f64(u, Math.min(u + step, loops), scratch, codes, scales, zeros, loss, tiles, factor, columns, diagonal, n, k, groups, flags);
  return {
    codes: bench.u8(codes, n * k).slice(),
    scales: bench.f32(scales, n * groups).slice(),
    zeros: bench.u8(zeros, n * groups).slice(),
    rowLoss: bench.f64(loss, n).slice(),
  };
}

describe.each(BUILDS)("gptq_f64 (%s)", (build) => {
  it.each([
    [1, 16, 16],
    [3, 48, 16],
    [16, 64, 32],
    [20, 160, 32],
    [33, 96, 48],
    [70, 144, 16],
    [64, 272, 144],
    [5, 150, 50],
    [4, 37, 5],
    [18, 300, 300],
    [2, 7, 3],
  ])("has the bits of the unblocked loop for %i x %i in groups of %i", (n, k, groupSize) => {
    const options = { ...OPTIONS, groupSize, symmetric: n % 2 === 0 };
    const w = gaussians(n * k, k);
    const h = hessianOf(gaussians(2 * k * k, n + k), 2 * k, k);
    let r: Float64Array = new Float64Array();
    const want = gptqReference(w, h, n, k, options, (damped) => {
      r = upperFactor(damped, k) as Float64Array;
      return r;
    });
    const { codes, scales, zeros, rowLoss } = want;
    const got = run(build, w, r, n, k, want, options, 1000);
    expect(got).toEqual({ codes, scales, zeros, rowLoss });
    expect(run(build, w, r, n, k, want, options, 1)).toEqual(got);
  });
});
