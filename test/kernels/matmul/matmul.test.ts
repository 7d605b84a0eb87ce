import { describe, expect, it } from "vitest";
import type { KernelName } from "../../../src/wasm/generated/kernels.ts";
import { type Bench, BUILDS } from "../../helpers/kernels.ts";
import { type Call, type CodesKernel, codesKernels, linearBench, runCodes, runFloat } from "../../helpers/linear.ts";
import { gaussians } from "../../helpers/random.ts";
import { activations, f16ToNumber, type Grid, gridWeights, randomGrid } from "../../reference/gptq/grid.ts";
import { roundRow } from "../../reference/matmul/activations.ts";
import { matmul, matmulCodes, matmulOrdered } from "../../reference/matmul/matmul.ts";
import { packPanels, withSharedZero } from "../../reference/matmul/pack.ts";

const BITS = [2, 3, 4, 8];
/** Rows enough for tiles at every width (they begin at 5 or 12 rows), and some that are left over. */
const ROWS = 17;
const SHAPES = [
  [16, 32, 32, 32],
  [40, 96, 96, 64],
  [33, 256, 32, 32],
  [16, 512, 64, 64],
  [20, 384, 128, 128],
  [16, 1152, 128, 32],
  [16, 2176, 2176, 128],
];

/** Rows of y; `zero` is that of all rows and groups, if the panels have none. */
function runGrid(
  bench: Bench,
  way: CodesKernel,
  grid: Grid,
  x: Float32Array,
  actGroup: number,
  zero?: number,
): Float32Array[] {
  const { n, k, groupSize } = grid;
  const entries = [{ weights: bench.put(packPanels(grid, zero)), start: 0, count: x.length / k }];
  return runCodes(bench, way.kernel, { n, k, groupSize, zero, entries }, x, actGroup, way.mode, way);
}

/** All rows by the reference. */
function reference(grid: Grid, x: Float32Array, actGroup: number, mode: 0 | 1): Float32Array[] {
  const { k } = grid;
  return Array.from({ length: x.length / k }, (_, t) =>
    matmulCodes(grid, roundRow(x.subarray(t * k, (t + 1) * k), actGroup, mode), actGroup),
  );
}

describe.each(BUILDS)("matmul on codes, %s", (build) => {
  describe.each(BITS.flatMap((bits) => codesKernels(build, bits)))("$kernel, mode $mode", (way) => {
    const { bits, mode } = way;
    it.each(SHAPES)(
      "[%i, %i] in groups of %i and %i equals the integer reference for every number of rows up to seventeen",
      (n, k, groupSize, actGroup) => {
        const own = randomGrid(bits, n, k, groupSize, k);
        const zero = 2 ** (bits - 1) + (n === 20 ? 1 : 0);
        const x = activations(ROWS, k, n);
        for (const [grid, shared] of [
          [own, undefined],
          [withSharedZero(own, zero), zero],
        ] as const) {
          const bench = linearBench(build);
          const expected = reference(grid, x, actGroup, mode);
          for (let rows = 1; rows <= ROWS; rows++)
            expect(runGrid(bench, way, grid, x.subarray(0, rows * k), actGroup, shared)).toEqual(
              expected.slice(0, rows),
            );
        }
      },
    );
    it("stays exact at the ends: all codes highest, all activations at one end", () => {
      const [n, k] = [16, 256];
      const top = 2 ** bits - 1;
      const grid = {
        ...randomGrid(bits, n, k, 128, 1),
        codes: new Uint8Array(n * k).fill(top),
        zeros: new Uint8Array(n * 2).fill(0),
      };
      const zeros = { ...grid, codes: new Uint8Array(n * k), zeros: new Uint8Array(n * 2).fill(255) };
      for (const value of [1, -1])
        for (const [one, zero] of [
          [grid, undefined],
          [zeros, undefined],
          [grid, 0],
          [zeros, 255],
        ] as const) {
          const x = new Float32Array(ROWS * k).fill(value);
          const expected = matmulCodes(one, roundRow(x.subarray(0, k), 128, mode), 128);
          expect(runGrid(linearBench(build), way, one, x, 128, zero)).toEqual(new Array(ROWS).fill(expected));
          expect(runGrid(linearBench(build), way, one, x.subarray(0, k), 128, zero)).toEqual([expected]);
        }
    });
    it("keeps subnormal and zero scales exact", () => {
      const grid = {
        ...randomGrid(bits, 16, 64, 32, 2),
        scales: Uint16Array.from({ length: 32 }, (_, i) => [0, 1, 0x3ff, 0x400, 0x7bff][i % 5]),
      };
      const x = activations(1, 64, 8);
      expect(runGrid(linearBench(build), way, grid, x, 32)).toEqual(reference(grid, x, 32, mode));
    });
  });
});

/** Raw elements of random float weights, their exact values, and the kernel that puts them in panels. */
function floatWeights(
  type: string,
  n: number,
  k: number,
): { raw: Float32Array | Uint16Array; values: Float64Array; arrange: KernelName } {
  const source = gaussians(n * k, 11).map((value) => value * 0.02);
  if (type === "f32") return { raw: source, values: Float64Array.from(source), arrange: "panel_32" };
  const bits = new Uint32Array(source.buffer);
  if (type === "bf16") {
    const raw = Uint16Array.from(bits, (word) => word >>> 16);
    return {
      raw,
      values: Float64Array.from(new Float32Array(Uint32Array.from(raw, (half) => half << 16).buffer)),
      arrange: "panel_16",
    };
  }
  // any finite f16: exponents around those of weights, some subnormal
  const raw = Uint16Array.from(
    bits,
    (word, i) => ((word >>> 16) & 0x8000) | (i % 50 === 0 ? word & 0x3ff : 0x2000 | (word & 0xfff)),
  );
  return { raw, values: Float64Array.from(raw, f16ToNumber), arrange: "panel_16" };
}

/** Largest error of y against f64 sums, relative to the sums of magnitudes. */
function relativeError(y: Float32Array[], x: Float32Array, w: Float64Array, n: number, k: number): number {
  const rows = y.length;
  const exact = matmul(x, w, rows, n, k);
  const size = matmul(x.map(Math.abs), w.map(Math.abs), rows, n, k);
  return Math.max(...exact.map((value, i) => Math.abs(y[Math.floor(i / n)][i % n] - value) / size[i]));
}

const flat = (rows: Float32Array[]) => rows.flatMap((row) => Array.from(row));

describe.each(BUILDS)("matmul on floats, %s", (build) => {
  describe.each(["f32", "f16", "bf16"])("%s panels", (type) => {
    it.each([
      [16, 1],
      [17, 33],
      [40, 300],
      [16, 1024],
    ])("[%i, %i] is within 1e-6 of f64 and equals the written order", (n, k) => {
      const bench = linearBench(build);
      const { raw, values, arrange } = floatWeights(type, n, k);
      const panels = Math.ceil(n / 16);
      const weights = bench.alloc(panels * 16 * k * 4);
      bench.kernels[arrange](0, panels, bench.scratch, weights, bench.put(raw), n, k);
      const x = activations(7, k, 4);
      const call: Call = { n, k, groupSize: 0, entries: [{ weights, start: 0, count: 7 }] };
      const y = runFloat(bench, `matmul_${type}` as KernelName, call, x);
      expect(relativeError(y, x, values, n, k)).toBeLessThan(1e-6);
      expect(flat(y)).toEqual(Array.from(matmulOrdered(x, values, 7, n, k)));
      const one = { ...call, entries: [{ weights, start: 0, count: 1 }] };
      expect(runFloat(bench, `matmul_${type}` as KernelName, one, x.subarray(0, k))).toEqual(y.slice(0, 1));
    });
  });
  it.each([1, 4])("widens every finite f16 exactly, %i rows", (rows) => {
    const all = Uint16Array.from({ length: 65536 }, (_, i) => i).filter((half) => (half & 0x7c00) !== 0x7c00);
    const bench = linearBench(build);
    // One column: element i of the panels is row i, and x = 1 gives it back.
    const call: Call = {
      n: all.length,
      k: 1,
      groupSize: 0,
      entries: [{ weights: bench.put(all), start: 0, count: rows }],
    };
    const y = runFloat(bench, "matmul_f16", call, new Float32Array(rows).fill(1));
    const exact = Float32Array.from(all, (half) => f16ToNumber(half) + 0);
    expect(y).toEqual(new Array(rows).fill(exact));
  });
  describe.each(BITS)("%i bits dequantised", (bits) => {
    it.each(SHAPES)(
      "[%i, %i] in groups of %i is within 1e-6 of f64 and equals the written order",
      (n, k, groupSize) => {
        const bench = linearBench(build);
        const zero = n === 16 ? 3 : undefined;
        const own = randomGrid(bits, n, k, groupSize, k);
        const grid = zero === undefined ? own : withSharedZero(own, zero);
        const values = gridWeights(grid);
        const x = activations(7, k, 4);
        const weights = bench.put(packPanels(grid, zero));
        const call: Call = { n, k, groupSize, zero, entries: [{ weights, start: 0, count: 7 }] };
        const y = runFloat(bench, `matmul_w${bits}` as KernelName, call, x);
        expect(relativeError(y, x, values, n, k)).toBeLessThan(1e-6);
        expect(flat(y)).toEqual(Array.from(matmulOrdered(x, values, 7, n, k)));
        const one = { ...call, entries: [{ weights, start: 0, count: 1 }] };
        expect(runFloat(bench, `matmul_w${bits}` as KernelName, one, x.subarray(0, k))).toEqual(y.slice(0, 1));
      },
    );
  });
});
