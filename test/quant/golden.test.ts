/**
 * The golden 2 x 8 matrix, made with numpy in f64 and unrounded scales. An unrounded symmetric scale puts the largest
 * weight of a group on a tie (7.5 steps), so where the vector rests on that tie only the reference can give it; the product
 * rounds scales first.
 */
import { describe, expect, it } from "vitest";
import { Turns } from "../../src/base/turns.ts";
import type { GptqOptions } from "../../src/quant/gptq.ts";
import { quantizeMatrix } from "../../src/quant/quantize-matrix.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import { gptqReference, hessianOf } from "../reference/gptq/gptq.ts";
import { findGrid, quantize } from "../reference/gptq/gptq-grid.ts";
import { traceOf } from "../reference/gptq/trace.ts";

const [N, K, T] = [2, 8, 16];
const x = Float64Array.from({ length: T * K }, (_, i) => {
  const [t, c] = [Math.floor(i / K), i % K];
  return Math.sin(0.7 * t + 1.3 * c) + 0.5 * Math.cos(0.37 * t * c);
});
const w = Float64Array.from({ length: N * K }, (_, i) => Math.cos(1.1 * Math.floor(i / K) + 0.9 * (i % K)));
const BASE: GptqOptions = {
  ...{ bits: 4, groupSize: 4, symmetric: true, clip: "none", scaleRounding: "f32" },
  ...{ actOrder: "none", staticGroups: false, deadColumns: "keep", dampPercent: 0.01 },
};

/** Codes, scales row by row, and twice the loss. */
interface Vector {
  readonly name: string;
  readonly options: Partial<GptqOptions>;
  readonly codes: readonly number[];
  readonly scales: readonly number[];
  readonly twiceLoss: number;
  /** Whether codes rest on the tie of unrounded scales. */
  readonly tie: boolean;
}

const VECTORS: readonly Vector[] = [
  {
    name: "4 bits, groups of 4",
    options: {},
    codes: [15, 13, 6, 1, 1, 6, 13, 15, 12, 5, 1, 2, 8, 14, 15, 11],
    scales: [0.1333333, 0.1334744, 0.1294611, 0.125017],
    twiceLoss: 0.0206061,
    tie: false,
  },
  {
    name: "asymmetric",
    options: { symmetric: false },
    codes: [15, 12, 5, 0, 0, 5, 12, 15, 15, 6, 0, 2, 0, 12, 15, 7],
    scales: [0.1269381, 0.1284606, 0.0949703, 0.0643159],
    twiceLoss: 0.003791,
    tie: false,
  },
  {
    name: "3 bits",
    options: { bits: 3 },
    codes: [7, 6, 3, 1, 1, 4, 7, 7, 6, 2, 1, 1, 4, 7, 7, 6],
    scales: [0.2857143, 0.2754011, 0.2774166, 0.2765406],
    twiceLoss: 0.1522147,
    tie: false,
  },
  {
    name: "static groups and act-order",
    options: { staticGroups: true, actOrder: "desc" },
    codes: [15, 13, 6, 2, 1, 7, 13, 15, 11, 5, 0, 1, 8, 14, 15, 12],
    scales: [0.1333333, 0.1333145, 0.1294611, 0.1302117],
    twiceLoss: 0.0196988,
    tie: true,
  },
];

const INPUT = { weights: Float32Array.from(w), inputs: Float32Array.from(x), rows: N, cols: K, tokens: T };

describe.each(VECTORS)("the reference on the golden vector: $name", ({ options, codes, scales, twiceLoss }) => {
  it("gives it from unrounded scales", () => {
    const got = gptqReference(w, hessianOf(x, T, K), N, K, { ...BASE, ...options, scaleRounding: "f64" });
    expect([...got.codes]).toEqual(codes);
    expect(2 * (got.rowLoss[0] + got.rowLoss[1])).toBeCloseTo(twiceLoss, 6);
    scales.forEach((scale, i) => {
      expect(got.scales[i]).toBeCloseTo(scale, 6);
    });
  });
});

describe.each(VECTORS.filter(({ tie }) => !tie))(
  "quantizeMatrix on the golden vector: $name",
  ({ options, codes, scales, twiceLoss }) => {
    it("gives it", async () => {
      await using machine = await createMachine();
      const got = await quantizeMatrix(machine, INPUT, { ...BASE, ...options, turns: new Turns() });
      expect([...got.codes]).toEqual(codes);
      expect(2 * got.loss).toBeCloseTo(twiceLoss, 6);
      scales.forEach((scale, i) => {
        expect(got.scales[i]).toBeCloseTo(scale, 6);
      });
    });
  },
);

describe("the golden matrix", () => {
  it.each([
    [4, 0.0646085],
    [3, 0.2730892],
  ] as const)("loses more by plain rounding to %i bits", async (bits, rounded) => {
    const h = hessianOf(x, T, K);
    const options = { ...BASE, bits, scaleRounding: "f64" } as const;
    const d = w.map((value, i) => {
      const grid = findGrid([...w.subarray(i - (i % 4), i - (i % 4) + 4)], [], options);
      return grid.scale * (quantize(value, grid, bits) - grid.zero) - value;
    });
    expect(traceOf(d, h, N, K)).toBeCloseTo(rounded, 6);
    await using machine = await createMachine();
    const got = await quantizeMatrix(machine, INPUT, { ...BASE, bits, turns: new Turns() });
    expect(got.outputError).toBeLessThan(rounded);
  });
});
