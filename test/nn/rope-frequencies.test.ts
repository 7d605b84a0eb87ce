import { describe, expect, it } from "vitest";
import { UsageError } from "../../src/base/errors.ts";
import {
  type LlamaScaling,
  type RopeScaling,
  ropeFrequencies,
  type YarnScaling,
  yarnAmplitude,
} from "../../src/nn/rope-frequencies.ts";
import { ropeTable } from "../../src/nn/rope-table.ts";
import { llama3Frequency, yarnFrequency } from "../reference/network/rope-frequencies.ts";

const LLAMA: LlamaScaling = { type: "llama3", factor: 8, lowTurns: 1, highTurns: 4, trained: 8192 };
const YARN: YarnScaling = {
  ...{ type: "yarn", factor: 4, fastTurns: 32, slowTurns: 1, trained: 32_768 },
  ...{ wholeColumns: true, amplitude: yarnAmplitude(4) },
};

/** Largest relative difference between the frequencies and their twins. */
function worst(dim: number, theta: number, scaling: RopeScaling, twin: (pair: number) => number): number {
  const found = ropeFrequencies({ rotaryDim: dim, theta, scaling });
  expect(found).toHaveLength(dim / 2);
  return found.reduce((most, value, pair) => Math.max(most, Math.abs(value / twin(pair) - 1)), 0);
}

describe("ropeFrequencies", () => {
  it.each([
    [128, 500_000, LLAMA],
    [64, 500_000, { ...LLAMA, factor: 32 }],
    [16, 10_000, { ...LLAMA, trained: 32 }],
  ] as const)("are those of Llama 3.1 for %i columns at theta %i", (dim, theta, scaling) => {
    const { factor, lowTurns: low, highTurns: high, trained: context } = scaling;
    const twin = (pair: number) => llama3Frequency({ dim, theta }, { factor, low, high, context }, pair);
    expect(worst(dim, theta, scaling, twin)).toBeLessThan(1e-14);
  });

  it.each([
    [128, 1_000_000, YARN],
    [32, 10_000, { ...YARN, trained: 16 }],
    [64, 10_000, { ...YARN, factor: 40, trained: 4096 }],
    [64, 150_000, { ...YARN, factor: 32, trained: 4096, wholeColumns: false }],
    [64, 10_000, { ...YARN, fastTurns: 2, slowTurns: 2, wholeColumns: false }],
    [8, 10_000, { ...YARN, trained: 16 }],
  ] as const)("are those of YaRN for %i columns at theta %i", (dim, theta, scaling) => {
    const { factor, fastTurns: fast, slowTurns: slow, trained: context, wholeColumns: truncate } = scaling;
    const twin = (pair: number) => yarnFrequency({ dim, theta }, { factor, fast, slow, context, truncate }, pair);
    expect(worst(dim, theta, scaling, twin)).toBeLessThan(1e-14);
  });

  it("hold cosines and sines with YaRN's amplitude", () => {
    const shape = { positions: 9, rotaryDim: 8, theta: 10_000 };
    const scaled = ropeTable({ ...shape, scaling: YARN });
    const plain = ropeTable({ ...shape, scaling: { ...YARN, amplitude: 1 } });
    expect(scaled[0]).toBeCloseTo(0.1 * Math.log(4) + 1, 6);
    scaled.forEach((value, at) => {
      expect(Math.abs(value - plain[at] * (0.1 * Math.log(4) + 1))).toBeLessThan(2e-7);
    });
    expect([yarnAmplitude(0.5), yarnAmplitude(1), yarnAmplitude(Math.E, 0.5)]).toEqual([1, 1, 1.05]);
  });

  it.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])("refuse a factor of %d", (factor) => {
    expect(() => ropeFrequencies({ rotaryDim: 8, theta: 1e4, scaling: { ...LLAMA, factor } })).toThrow(UsageError);
  });
});
