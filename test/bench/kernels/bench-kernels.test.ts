import { describe, expect, it } from "vitest";
import { benchKernels } from "../../../src/bench/kernels/bench-kernels.ts";
import { linearRows, linearWork } from "../../../src/bench/kernels/linear-rows.ts";
import { readBenchReport } from "../../../src/bench/report/report-schema.ts";
import { hasRelaxedSimd } from "../../../src/wasm/features.ts";
import { readRepository } from "../../house/reading/sources.ts";

const SMALL = { size: 128, matrix: 128, repeat: 2, streamBytes: 1 << 20, threads: 1 };

describe("benchKernels", () => {
  it("measures linears of all formats and the parts of GPTQ, and computes the golden matrix", async () => {
    const report = await benchKernels(SMALL);
    const tests = report.results.map(({ test }) => test);
    expect(new Set(tests).size).toBe(tests.length);
    for (const weights of ["w2/128 int8", "w3/32 int8", "w4/128 int8", "w8/32 int8", "f32 ", "f16 ", "bf16 "])
      expect(tests.some((test) => test.startsWith(weights))).toBe(true);
    expect(tests.slice(-4)).toEqual(["gram f32 128x128", "gram f64 128x128", "cholesky f64 128x128", "gptq 128x128"]);
    for (const { n, mean } of report.results) {
      expect(n).toBe(2);
      expect(mean).toBeGreaterThan(0);
    }
    expect(report.model).toBeNull();
    expect(report.hash).toBe((JSON.parse(readRepository("ci/golden.json")) as Record<string, string>)["gptq matrix"]);
    expect(readBenchReport(report, "report")).toEqual(report);
  });

  it("measures only what is asked for", async () => {
    const { results } = await benchKernels({ ...SMALL, matrix: 0, only: "f16" });
    expect(results.map(({ test }) => test)).toEqual([
      ...["f16 128x128 x1", "bf16 128x128 x1", "f16 128x128 x64", "bf16 128x128 x64"],
    ]);
  });

  it.runIf(hasRelaxedSimd())("adds up products as it is told to", async () => {
    const { engine } = await benchKernels({ ...SMALL, matrix: 0, only: "w4/128", dots: "pairs" });
    expect(engine).toMatchObject({ kernels: "relaxed", dots: "pairs" });
  });

  it("refuses unknown options and ends when it is aborted", async () => {
    await expect(benchKernels({ size: 128, onli: "x" } as object)).rejects.toThrow("benchKernels: option onli");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(benchKernels({ ...SMALL, signal })).rejects.toThrow("enough");
  });
});

describe("linearRows", () => {
  it("know their bytes and operations", () => {
    const rows = linearRows("unsigned");
    const find = (start: string) => rows.find(({ test }) => test.startsWith(start)) as (typeof rows)[number];
    // 4096 x 4096 weights of 4 bits, and an f16 scale for each 128; all have the same zero.
    const w4 = find("w4/128");
    expect(linearWork(w4)).toEqual({ bytes: 4096 * 4096 * (4 / 8 + 2 / 128), operations: 2 * 4096 * 4096 });
    expect(linearWork(find("f32 4096x4096 x64"))).toEqual({ bytes: 4096 * 4096 * 4, operations: 128 * 4096 * 4096 });
    expect(rows.filter(({ ceiling }) => ceiling === "read").every(({ rows: count }) => count === 1)).toBe(true);
    const ofEight = (dots: "pairs" | "signed") => linearRows(dots).find(({ test }) => /^w8.*x64$/.test(test))?.ceiling;
    expect([ofEight("pairs"), ofEight("signed")]).toEqual(["dotI16", "dotI8"]);
    expect(linearRows("words").some(({ ceiling }) => ceiling === "dotI8")).toBe(false);
  });
});
