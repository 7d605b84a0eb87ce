import { describe, expect, it } from "vitest";
import { readBenchReport } from "../../../src/bench/report/report-schema.ts";
import { fixedReport, fixedResult } from "./reports.ts";

const REPORT = fixedReport([fixedResult("tg64", 10, 1, 2)]);
const [RESULT] = REPORT.results;

describe("readBenchReport", () => {
  it("reads what a benchmark writes", () => {
    expect(readBenchReport(JSON.parse(JSON.stringify(REPORT)), "A.json")).toEqual(REPORT);
    const kernels = { ...REPORT, model: null, memory: null };
    expect(readBenchReport(kernels, "A.json")).toEqual(kernels);
  });

  it("passes over more facts about the engine, which other versions may tell", () => {
    const engine = { ...REPORT.engine, spins: 4000 };
    expect(readBenchReport({ ...REPORT, engine }, "A.json").engine).toEqual(REPORT.engine);
  });

  it.each([
    [[], "A.json: found an array, expected a JSON object"],
    [{}, "field machine: found nothing, expected it to be there"],
    [{ ...REPORT, result: [] }, "field result: found no such field, expected results or another of"],
    [{ ...REPORT, hash: "abc" }, 'field hash: found "abc", expected 64 hexadecimal digits'],
    [{ ...REPORT, results: [{ ...RESULT, mean: -1 }] }, "field results.0.mean: found -1, expected a number above 0"],
    [{ ...REPORT, results: [{ ...RESULT, unit: "t/s" }] }, 'field results.0.unit: found "t/s", expected tokens/s, ms'],
    [{ ...REPORT, results: [{ ...RESULT, n: 3 }] }, "field results.0: found an object, expected as many samples as n"],
    [{ ...REPORT, results: [{ ...RESULT, means: 1 }] }, "found no such field, expected mean or another of"],
    [{ ...REPORT, ceilings: { ...REPORT.ceilings, f64: 1 } }, "field ceilings.f64: found no such field"],
    [{ ...REPORT, engine: { ...REPORT.engine, threads: "2" } }, 'field engine.threads: found "2", expected a number'],
    [{ ...REPORT, model: "x" }, 'field model: found "x", expected a model'],
  ])("refuses %j", (document, sentence) => {
    expect(() => readBenchReport(document, "A.json")).toThrow(sentence);
  });
});
