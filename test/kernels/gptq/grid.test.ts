/** round_rows and grid_f64 against the plain quantiser. */
import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { columnWords, type GridOptions, gridFlags } from "../../../src/quant/grid.ts";
import { naturalGroups, naturalOrder } from "../../../src/tensor/quantized-matrix.ts";
import { writeConstants } from "../../../src/wasm/constants.ts";
import { Bench, BUILDS, type Build } from "../../helpers/kernels.ts";
import { gaussians, mulberry32 } from "../../helpers/random.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { findGrid, quantize, roundF16 } from "../../reference/gptq/gptq-grid.ts";

function run(build: Build, w: Float32Array, n: number, k: number, diagonal: Float64Array, options: GridOptions) {
  const bench = new Bench(build, 16 << 20);
  const { kernels, scratch } = bench;
  const gIdx = naturalGroups(k, options.groupSize);
  const groups = gIdx[k - 1] + 1;
  const columns = bench.put(columnWords(naturalOrder(k), gIdx));
  const units = Math.ceil(n / 16);
  const tiles = bench.alloc(units * k * 128);
  const [scales, zeros, codes] = [bench.alloc(n * groups * 4), bench.alloc(n * groups), bench.alloc(n * k)];
  const weights = bench.put(diagonal);
  const flags = gridFlags(options, false);
  const rows = bench.put(w);
  kernels.tile_load_f64(0, units, scratch, tiles, rows, columns, 0, n, k);
  kernels.grid_f64(0, units, scratch, scales, zeros, tiles, columns, weights, n, k, groups, flags);
  const ofTiles = { scales: bench.f32(scales, n * groups).slice(), zeros: bench.u8(zeros, n * groups).slice() };
  const size = options.groupSize === -1 ? k : options.groupSize;
  kernels.round_rows(0, units, scratch, codes, scales, zeros, rows, weights, n, k, size, flags);
  const got = {
    scales: bench.f32(scales, n * groups).slice(),
    zeros: bench.u8(zeros, n * groups).slice(),
    codes: bench.u8(codes, n * k).slice(),
  };
  expect({ scales: got.scales, zeros: got.zeros }).toEqual(ofTiles);
  return got;
}

function expected(w: Float32Array, n: number, k: number, diagonal: Float64Array, options: GridOptions) {
  const gIdx = naturalGroups(k, options.groupSize);
  const [scales, zeros, codes]: number[][] = [[], [], []];
  for (let row = 0; row < n; row++)
    for (let group = 0; group <= gIdx[k - 1]; group++) {
      const columns = naturalOrder(k).filter((col) => gIdx[col] === group);
      const x = Array.from(columns, (col) => w[row * k + col]);
      const grid = findGrid(
        x,
        Array.from(columns, (col) => diagonal[col]),
        options,
      );
      scales.push(grid.scale);
      zeros.push(grid.zero);
      codes.push(...x.map((value) => quantize(value, grid, options.bits)));
    }
  return { scales: Float32Array.from(scales), zeros: Uint8Array.from(zeros), codes: Uint8Array.from(codes) };
}

const uniform = mulberry32(7);
const normal = () => gaussians(1, Math.floor(uniform() * 2 ** 31))[0];

const BASE: GridOptions = { bits: 4, groupSize: 16, symmetric: true, clip: "none", scaleRounding: "f16" };
const CHOICES = ([2, 3, 4, 8] as const).flatMap((bits) =>
  [true, false].flatMap((symmetric) =>
    (["none", "mse", "hessian"] as const).flatMap((clip) =>
      (["f16", "f32"] as const).map((scaleRounding) => ({ ...BASE, bits, symmetric, clip, scaleRounding })),
    ),
  ),
);

it("the integers of the screen are as close to |d|^2.4 as the search assumes", async () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  writeConstants(memory);
  const [knee] = new Int16Array(memory.buffer, 400, 1);
  const [factor] = new Float32Array(memory.buffer, 416, 1);
  const source = await readFile(repositoryFile("assembly/gptq/screen.ts"), "utf8");
  const blunt = Number(/BLUNT: f32 = ([\de.-]+);/.exec(source)?.[1]);
  let [least, most] = [Infinity, -Infinity];
  // An integer is up to 1.52 of its units beside the true fraction of a step, of 2^-11 where the range has eight steps or more.
  for (let d = 0; d <= 2048; d++) {
    const sum = factor * (d ** 2 + Math.max(d - knee, 0) ** 2);
    least = Math.min(least, (Math.max(d - 3.04, 0) / 4096) ** 2.4 - sum);
    most = Math.max(most, ((d + 3.04) / 4096) ** 2.4 - sum);
  }
  // f32 changes the sum of a column by less than 1e-6.
  expect(least).toBeGreaterThan(1e-6 - blunt);
  expect(least).toBeLessThan(-0.9 * blunt);
  expect(Math.abs(most)).toBeLessThan(1e-6);
});

describe.each(BUILDS)("round_rows and grid_f64 (%s)", (build) => {
  it.each(CHOICES)("match for $bits bits, symmetric $symmetric, clip $clip, scales $scaleRounding", (options) => {
    const [n, k] = [19, 40];
    const w = gaussians(n * k, options.bits, 0.05);
    w.fill(0, 2 * k, 3 * k); // an all-zero row
    for (let col = 0; col < k; col++) w[5 * k + col] = Math.abs(w[5 * k + col]); // a row without a negative element
    const random = mulberry32(1);
    const diagonal = Float64Array.from({ length: k }, () => random() + 0.1);
    expect(run(build, w, n, k, diagonal, options)).toEqual(expected(w, n, k, diagonal, options));
  });

  it.each([
    [1, 1, -1],
    [1, 16, 16],
    [16, 33, -1],
    [33, 5, 3],
    [17, 128, 64],
  ])("match for %i x %i in groups of %i", (n, k, groupSize) => {
    const w = gaussians(n * k, n);
    const diagonal = new Float64Array(k).fill(1);
    const options: GridOptions = { ...BASE, groupSize, symmetric: false, clip: "mse" };
    expect(run(build, w, n, k, diagonal, options)).toEqual(expected(w, n, k, diagonal, options));
  });

  // Weights for which f32 estimates are poor, absent, infinite or equal, so that the search must fall back to f64.
  it.each([
    ["heavy tails", () => normal() / (Math.abs(normal()) + 0.05)],
    ["mostly zeros", () => (uniform() < 0.9 ? 0 : normal())],
    ["of one sign", () => Math.abs(normal())],
    ["of many sizes", () => normal() * 10 ** (10 * uniform() - 8)],
    ["below the smallest scales", () => normal() * 1e-7],
    ["near the smallest scales", () => normal() * 3e-5],
    ["beyond the largest scale", () => normal() * 1e30],
    ["denormal", () => normal() * 1e-39],
  ])("match a search in f64 for weights %s", (_, draw) => {
    const [n, k] = [16, 96];
    const w = Float32Array.from({ length: n * k }, draw);
    const diagonal = Float64Array.from({ length: k }, () => 10 ** (60 * uniform() - 45));
    for (const bits of [2, 3, 4, 8] as const)
      for (const [symmetric, clip, scaleRounding] of [
        [true, "mse", "f16"],
        [false, "hessian", "f16"],
        [true, "hessian", "f32"],
        [false, "mse", "f32"],
      ] as const) {
        const options: GridOptions = { bits, groupSize: 48, symmetric, clip, scaleRounding };
        expect(run(build, w, n, k, diagonal, options)).toEqual(expected(w, n, k, diagonal, options));
      }
  });

  // The screen divides a row anew for each 16 candidates; rows of other lengths than a multiple of 8, or beyond 4096, have none.
  it.each([
    ["normal", 64, 64, () => 0.02 * normal()],
    ["uniform", 128, 128, () => uniform() - 0.5],
    ["of one sign", 64, 64, () => uniform()],
    ["with a few that are far out", 64, 64, () => normal() * (uniform() < 0.05 ? 8 : 1)],
    ["of a long row", 512, -1, () => normal()],
    ["of a row in several runs", 2200, -1, () => normal()],
    ["of a row that ends within eight", 68, -1, () => normal()],
    ["with the least far below the most", 72, -1, () => (uniform() < 0.5 ? -0.1 : 1) * Math.abs(normal())],
    ["of a row beyond the screen", 4100, -1, () => normal()],
  ])("match a search in f64 for weights %s", (_, k, groupSize, draw) => {
    const n = k > 1000 ? 1 : 24;
    const w = Float32Array.from({ length: n * k }, draw);
    const diagonal = Float64Array.from({ length: k }, () => uniform() + 0.01);
    for (const bits of [2, 3, 4, 8] as const)
      for (const symmetric of [true, false])
        for (const clip of ["mse", "hessian"] as const) {
          const options: GridOptions = { ...BASE, bits, groupSize, symmetric, clip };
          expect(run(build, w, n, k, diagonal, options)).toEqual(expected(w, n, k, diagonal, options));
        }
  });

  it("round weights in the middle of two codes to the even one, and weights next to it to their own", () => {
    const bits = new Int32Array(1);
    const near = (x: number, by: number) => {
      new Float32Array(bits.buffer)[0] = x;
      bits[0] += by;
      return new Float32Array(bits.buffer)[0];
    };
    const steps = Array.from({ length: 15 }, (_, i) => i - 7.5);
    const row = (scale: number) => steps.flatMap((step) => [-1, 0, 1].map((by) => near(step * scale, by)));
    const scales = [1, 0.0123, 3.5e-5, 700, 1e-39].map((scale) => roundF16(scale));
    const w = Float32Array.from([...scales, 2 ** -140].flatMap((scale) => [...row(scale), 0, 0, 0]));
    const k = row(1).length + 3;
    for (const scaleRounding of ["f16", "f32"] as const)
      for (const symmetric of [true, false]) {
        const options: GridOptions = { ...BASE, groupSize: -1, symmetric, scaleRounding };
        const none = new Float64Array(k);
        expect(run(build, w, w.length / k, k, none, options)).toEqual(expected(w, w.length / k, k, none, options));
      }
  });

  it("round scales to f16, ties to even, from the smallest to the largest", () => {
    const random = mulberry32(2);
    const largest = Array.from({ length: 400 }, () => 2 ** (44 * random() - 27));
    // 7.5 times an f16, and 7.5 times the middle of two: scales that are exact, and ties.
    const exact = [
      1,
      1 + 2 ** -11,
      1 + 3 * 2 ** -11,
      2 - 2 ** -11,
      2 ** -14,
      2 ** -14 + 2 ** -25,
      3 * 2 ** -25,
      2 ** -25,
    ];
    const w = Float32Array.from([...largest, ...exact.map((value) => 7.5 * value), 7.5 * 65519, 1e30, 1e-30]);
    const options = { ...BASE, groupSize: 1 };
    const { scales } = run(build, w, w.length, 1, new Float64Array(1), options);
    expect(scales).toEqual(Float32Array.from(w, (value) => roundF16((2 * value) / 15)));
  });

  it("raise errors to the power 2.4 closely enough to choose as numpy does", () => {
    const w = gaussians(64 * 128, 9, 0.02);
    const options: GridOptions = { ...BASE, bits: 2, groupSize: 128, clip: "mse" };
    expect(run(build, w, 64, 128, new Float64Array(128), options).scales).toEqual(
      expected(w, 64, 128, new Float64Array(128), options).scales,
    );
  });
});
