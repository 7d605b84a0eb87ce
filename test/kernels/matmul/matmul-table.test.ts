import { describe, expect, it } from "vitest";
import type { KernelName } from "../../../src/wasm/generated/kernels.ts";
import { type Bench, BUILDS, type Build, HAS_RELAXED } from "../../helpers/kernels.ts";
import { type Call, type CodesKernel, codesKernels, linearBench, runCodes, runFloat } from "../../helpers/linear.ts";
import { gaussians } from "../../helpers/random.ts";
import { activations, randomGrid } from "../../reference/gptq/grid.ts";
import { packPanels } from "../../reference/matmul/pack.ts";

const [N, K, G] = [72, 288, 32];

/** A matmul kernel, with the rounding of its input; undefined for f32. */
interface Way {
  readonly name: KernelName;
  readonly bits: number;
  readonly codes?: CodesKernel;
}

/** Every matmul kernel of a build. */
const kernelsOf = (build: Build): readonly Way[] => [
  ...[2, 3, 4, 8].map((bits) => ({ name: `matmul_w${bits}` as KernelName, bits })),
  ...[2, 3, 4, 8].flatMap((bits) => codesKernels(build, bits).map((codes) => ({ name: codes.kernel, bits, codes }))),
  ...["f32", "f16", "bf16"].map((type) => ({ name: `matmul_${type}` as KernelName, bits: type === "f32" ? 32 : 16 })),
];

function putWeights(bench: Bench, bits: number, seed: number): number {
  if (bits <= 8) return bench.put(packPanels(randomGrid(bits, N, K, G, seed)));
  const panels = Math.ceil(N / 16);
  const floats = gaussians(panels * 16 * K, seed);
  // 0x3c00 and above by 10 bits: finite both as f16 and as bf16
  return bench.put(
    bits === 32 ? floats : Uint16Array.from(floats, (value) => 0x3c00 + (Math.round(value * 100) & 0x3ff)),
  );
}

function runAny(bench: Bench, { name, codes }: Way, call: Call, x: Float32Array, cuts: number[] = []): Float32Array[] {
  if (codes === undefined) return runFloat(bench, name, call, x, cuts);
  return runCodes(bench, name, call, x, 32, codes.mode, codes, cuts);
}

describe.each(BUILDS)("matmul tables, %s", (build) => {
  it.each(kernelsOf(build))("$name serves several matrices, skips empty spans and follows the index", (kernel) => {
    const bench = linearBench(build);
    const x = activations(5, K, 1);
    const weights = [1, 2, 3, 4].map((seed) => putWeights(bench, kernel.bits, seed));
    const spans = [
      [0, 2],
      [2, 0],
      [2, 1],
      [3, 6],
    ]; // prettier-ignore
    const index = Int32Array.of(4, 0, 2, 2, 1, 0, 4, 3, 1);
    const call: Call = {
      n: N,
      k: K,
      groupSize: G,
      entries: spans.map(([start, count], i) => ({ weights: weights[i], start, count })),
      index,
    };
    const y = runAny(bench, kernel, call, x);
    for (const [i, [start, count]] of spans.entries())
      for (let at = start; at < start + count; at++) {
        const alone: Call = { n: N, k: K, groupSize: G, entries: [{ weights: weights[i], start: 0, count: 1 }] };
        expect(y[at]).toEqual(runAny(bench, kernel, alone, x.slice(index[at] * K, (index[at] + 1) * K))[0]);
      }
  });
  it.each(kernelsOf(build))("$name gives a row among 801, more than a block, the bits that it has alone", (kernel) => {
    const bench = linearBench(build);
    const x = activations(801, K, 3);
    const weights = putWeights(bench, kernel.bits, 6);
    const index = Int32Array.from({ length: 801 }, (_, at) => (at * 7) % 801);
    const callOf = (start: number, count: number): Call => {
      return { n: N, k: K, groupSize: G, entries: [{ weights, start, count }], index };
    };
    const all = runAny(bench, kernel, callOf(0, 801), x);
    for (const at of [0, 354, 355, 356, 357, 711, 712, 713, 799, 800])
      expect(runAny(bench, kernel, callOf(at, 1), x)[at]).toEqual(all[at]);
  });
  it.each(kernelsOf(build))(
    "$name gives the same bits for 1, 7 and 64 rows and for any cut of the panels",
    (kernel) => {
      const bench = linearBench(build);
      const x = activations(64, K, 9);
      const weights = putWeights(bench, kernel.bits, 5);
      const callOf = (count: number): Call => ({ n: N, k: K, groupSize: G, entries: [{ weights, start: 0, count }] });
      const all = runAny(bench, kernel, callOf(64), x);
      expect(runAny(bench, kernel, callOf(64), x, [1, 4])).toEqual(all);
      expect(runAny(bench, kernel, callOf(7), x.slice(0, 7 * K))).toEqual(all.slice(0, 7));
      expect(runAny(bench, kernel, callOf(6), x.slice(0, 6 * K))).toEqual(all.slice(0, 6));
      for (const t of [0, 5, 63])
        expect(runAny(bench, kernel, callOf(1), x.slice(t * K, (t + 1) * K))).toEqual([all[t]]);
    },
  );
});

describe.runIf(HAS_RELAXED)("base and relaxed", () => {
  const run = (build: Build, way: Way) => {
    const bench = linearBench(build);
    const weights = putWeights(bench, way.bits, 6);
    const call: Call = { n: N, k: K, groupSize: G, entries: [{ weights, start: 0, count: 9 }] };
    return runAny(bench, way, call, activations(9, K, 3));
  };
  // Without relaxed SIMD, the module of its kernels does not compile, and this list is made even if the tests are skipped.
  it.each(HAS_RELAXED ? kernelsOf("relaxed") : [])("$name gives the bits of base", (way) => {
    const same = (one: Way) => one.bits === way.bits && one.codes?.mode === way.codes?.mode;
    const inBase = kernelsOf("base").find((one) => (way.codes === undefined ? one.name === way.name : same(one)));
    expect(run("relaxed", way)).toEqual(run("base", inBase as Way));
  });
});
