import { describe, expect, it } from "vitest";
import { resultOf } from "../../../src/bench/report/bench-report.ts";

const CEILINGS = { read: 10e9, dotI8: 200e9, dotI16: 100e9, f32: 50e9 };

describe("resultOf", () => {
  it("gives the mean and the standard deviation of a sample", () => {
    const samples = [2, 4, 4, 4, 5, 5, 7, 9];
    const found = resultOf({ test: "tg64", unit: "tokens/s" }, samples, CEILINGS);
    expect(found).toMatchObject({ test: "tg64", unit: "tokens/s", mean: 5, n: 8, samples, ceiling: null, share: null });
    expect(found.sd).toBeCloseTo(Math.sqrt(32 / 7), 12);
  });

  it("has no deviation for a single sample", () => {
    expect(resultOf({ test: "open", unit: "ms" }, [12.5], CEILINGS)).toMatchObject({ mean: 12.5, sd: 0, n: 1 });
  });

  it("tells the share of a ceiling", () => {
    const limit = { ceiling: "read", perUnit: ({ read }: typeof CEILINGS) => 20e6 / read } as const;
    const found = resultOf({ test: "tg1", unit: "tokens/s", limit }, [200, 300], CEILINGS);
    expect(found.ceiling).toBe("read");
    expect(found.share).toBeCloseTo(0.5, 12); // 250 tokens of 20 MB are half of 10 GB
  });
});
