/** Tables of benchmarks with fixed figures. */
import { describe, expect, it } from "vitest";
import type { BenchMemory } from "../../../src/bench/report/bench-report.ts";
import { compareBenches } from "../../../src/bench/report/compare-reports.ts";
import { describeBench, describeComparison } from "../../../src/cli/show/bench-table.ts";
import { fixedReport, fixedResult } from "../../bench/report/reports.ts";

const open = { ...fixedResult("open", 81.25, 0, 1, "ms"), ceiling: null, share: null };
const A = fixedReport([fixedResult("pp512", 2000, 40, 4), fixedResult("tg64", 100, 2, 4), open]);
const B = {
  ...fixedReport([fixedResult("pp512", 2010, 40, 4), fixedResult("tg64", 110, 2.2, 4), { ...open, mean: 65 }]),
  runtime: "deno 2.9.5",
};

describe("describeBench", () => {
  it("shows machine, engine, ceilings, results, memory and hash", () => {
    expect(describeBench(A, "text")).toBe(
      [
        "A processor, 4 cores",
        "node 24.1.0, Quern 0.1.0, relaxed kernels (unsigned), 2 threads (patience 200 us), int8 activations",
        "some-model: 1.0 M of 2.0 M parameters a token, 1.0 MB of weights",
        "ceilings of this run: reading memory 10.0 GB/s, 8-bit dots 200.0 Gop/s, 16-bit dots 100.0 Gop/s, f32 50.0 Gop/s",
        "",
        "test   mean    +-  unit      n              of ceiling",
        "-----  ----  ----  --------  -  ----------------------",
        "pp512  2000  40.0  tokens/s  4  50 % of reading memory",
        "tg64    100  2.00  tokens/s  4  50 % of reading memory",
        "open   81.3        ms        1",
        "",
        "memory: weights 2.0 MB, cache 0.1 MB, scratch 0.2 MB, peak of the process 90.0 MB",
        `hash ${A.hash}`,
      ].join("\n"),
    );
  });

  it("shows what experts that were read took", () => {
    const paging = { limitBytes: 3e6, uses: 400, misses: 100, readBytes: 5e7 };
    const within = { ...A, memory: { ...(A.memory as BenchMemory), paging } };
    expect(describeBench(within, "text")).toContain(
      "\nwithin 3.0 MB: 25.0 % of 400 uses of paged weights missed, 50.0 MB read\n",
    );
  });

  it("shows the kernels alone, and one core", () => {
    const alone = { ...A, model: null, memory: null, machine: { ...A.machine, cpu: null, cores: 1 } };
    const text = describeBench(alone, "text");
    expect(text).toMatch(/^unknown processor, 1 core\n/);
    expect(text).not.toContain("memory:");
  });

  it("writes markdown", () => {
    const text = describeBench(A, "markdown");
    expect(text).toContain("| test  | mean |   +- | unit     |   n |             of ceiling |");
    expect(text).toContain("| tg64  |  100 | 2.00 | tokens/s |   4 | 50 % of reading memory |");
  });

  it("writes a line of CSV for each test, with the facts in each", () => {
    const [head, ...lines] = describeBench(A, "csv").trimEnd().split("\n");
    expect(head).toBe(
      "test,mean,sd,unit,n,ceiling,share,model,runtime,version,kernels,dots,threads,activations,cpu,cores,hash",
    );
    const facts = `some-model,node 24.1.0,0.1.0,relaxed,unsigned,2,int8,A processor,4,${A.hash}`;
    expect(lines).toEqual([
      `pp512,2000,40,tokens/s,4,read,0.5,${facts}`,
      `tg64,100,2,tokens/s,4,read,0.5,${facts}`,
      `open,81.25,0,ms,1,,,${facts}`,
    ]);
  });
});

describe("describeComparison", () => {
  const compared = compareBenches(A, B);

  it("shows ratios with their intervals, and says where they contain 1", () => {
    expect(describeComparison(compared, "text")).toBe(
      [
        "test      A     B  unit      B / A   95 % interval  B is",
        "-----  ----  ----  --------  -----  --------------  ---------------------------------",
        "pp512  2000  2010  tokens/s  1.005  0.971 to 1.040  the same: the interval contains 1",
        "tg64    100   110  tokens/s  1.100  1.063 to 1.139  faster",
        "open   81.3  65.0  ms        0.800                  unknown: a single sample",
        "",
        `both compute the same: hash ${A.hash}`,
        "differs: runtime: node 24.1.0 and deno 2.9.5",
      ].join("\n"),
    );
  });

  it("names tests of one side, and has no lines about what does not differ", () => {
    const less = fixedReport([fixedResult("tg64", 100, 2, 4), fixedResult("tg128", 100, 2, 4)]);
    const text = describeComparison(compareBenches(A, less), "text");
    expect(text.split("\n").slice(-2)).toEqual(["only in A: pp512, open", "only in B: tg128"]);
    const other = { ...A, hash: "f".repeat(64) };
    expect(describeComparison({ ...compareBenches(A, other), differences: [] }, "text")).not.toContain("\n\n");
  });

  it("writes markdown and CSV", () => {
    expect(describeComparison(compared, "markdown")).toContain("| tg64  |  100 |  110 | tokens/s | 1.100 |");
    const [head, , line, last] = describeComparison(compared, "csv").trimEnd().split("\n");
    expect(head).toBe("test,unit,meanA,sdA,nA,meanB,sdB,nB,ratio,low,high,verdict");
    expect(line).toMatch(/^tg64,tokens\/s,100,2,4,110,2\.2,4,1\.1\d*,1\.0625\d+,1\.1387\d+,faster$/);
    expect(last).toBe("open,ms,81.25,0,1,65,0,1,0.8,,,");
  });
});
