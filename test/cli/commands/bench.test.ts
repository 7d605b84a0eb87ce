import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readBenchReport } from "../../../src/bench/report/report-schema.ts";
import { fixedReport, fixedResult } from "../../bench/report/reports.ts";
import { readRepository } from "../../house/reading/sources.ts";
import { quern, stopped, TINY_MODEL } from "../quern.ts";

const SMALL = ["--prompt", "8", "--generate", "4", "--depth", "0,16", "--repeat", "2", "--matrix", "128", "--quiet"];
const GOLDEN = JSON.parse(readRepository("ci/golden.json")) as Readonly<Record<string, string>>;

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-bench-"));
  writeFileSync(at("a.json"), JSON.stringify(fixedReport([fixedResult("tg64", 100, 2, 4)])));
  writeFileSync(at("b.json"), JSON.stringify(fixedReport([fixedResult("tg64", 110, 2.2, 4)])));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe("quern bench MODEL", () => {
  it("measures and prints one document, with the golden hash", () => {
    const { status, stdout, stderr } = quern(["bench", TINY_MODEL, ...SMALL, "--json", "--threads", "1"]);
    expect([status, stderr]).toEqual([0, ""]);
    const report = readBenchReport(JSON.parse(stdout), "stdout");
    expect(report.results.map(({ test, n }) => `${test} ${n}`)).toEqual([
      ...["pp8 2", "tg4 2", "pp8 @ d16 2", "tg4 @ d16 2", "open 1", "first token 1", "gptq 128x128 2"],
    ]);
    expect(report.hash).toBe(GOLDEN["fable-mixtral f32 logits"]);
    expect(report.engine).toMatchObject({ threads: 1, activations: "f32" });
    expect(report.runtime).toBe(`node ${process.versions.node}`);
  });

  it("prints a table, which may be CSV", () => {
    const table = quern(["bench", TINY_MODEL, ...SMALL]);
    expect(table.stdout).toMatch(/\ntest +mean +\+- +unit +n +of ceiling\n/);
    expect(table.stdout).toMatch(/\ntg4 @ d16 .* % of reading memory\n/);
    const csv = quern(["bench", TINY_MODEL, ...SMALL, "--csv"])
      .stdout.trimEnd()
      .split("\n");
    expect(csv).toHaveLength(1 + 7);
    expect(new Set(csv.map((line) => line.split(",").length)).size).toBe(1);
  });

  it("profiles", () => {
    const args = ["bench", TINY_MODEL, "--profile", "--prompt", "8", "--repeat", "1", "--quiet"];
    const { stdout } = quern(args);
    expect(stdout).toContain("a decoded token after 8: ");
    expect(stdout).toContain("a token of a prompt of 8, in batches of 8: ");
    for (const name of ["experts: f16", "head: f16", "outside kernels", "sampling, besides", "attend"])
      expect(stdout).toContain(name);
    const { engine, ceilings, phases } = JSON.parse(quern([...args, "--json"]).stdout);
    expect(engine.version).toBeTypeOf("string");
    expect(Object.keys(ceilings)).toEqual(["read", "dotI8", "dotI16", "f32"]);
    expect(phases.map((each: { phase: string }) => each.phase)).toEqual(["decode", "prefill"]);
  });

  it("ends with status 130 on an interrupt", async () => {
    const started = Date.now();
    const args = ["bench", TINY_MODEL, "--repeat", "10000", "--quiet"];
    const { status, stdout } = await stopped(args, () => Date.now() - started > 2000);
    expect([status, stdout]).toEqual([130, ""]);
  });
});

describe("quern bench", () => {
  it("measures the kernels without MODEL", () => {
    const args = ["bench", "--only", "w8/128 int8/128 4096x4096 x1", "--repeat", "1", "--matrix", "0", "--quiet"];
    const report = readBenchReport(JSON.parse(quern([...args, "--json"]).stdout), "stdout");
    expect(report.results.map(({ test }) => test)).toEqual(["w8/128 int8/128 4096x4096 x1"]);
    expect([report.model, report.hash]).toEqual([null, GOLDEN["gptq matrix"]]);
  });
});

describe("quern bench --compare", () => {
  it("prints ratios with their intervals", () => {
    const { status, stdout } = quern(["bench", "--compare", at("a.json"), at("b.json")]);
    expect(status).toBe(0);
    expect(stdout).toMatch(/\ntg64 +100 +110 +tokens\/s +1\.100 +1\.063 to 1\.139 +faster\n/);
    expect(stdout).toMatch(/\nboth compute the same: hash (?:0123456789abcdef){4}\n$/);
    const { tests } = JSON.parse(quern(["bench", "--compare", at("b.json"), at("a.json"), "--json"]).stdout);
    expect(tests[0]).toMatchObject({ test: "tg64", verdict: "slower" });
  });

  it.each([
    ["{", "expected"],
    ['{"results": []}', "field machine: found nothing, expected it to be there"],
    [JSON.stringify({ ...fixedReport([]), hash: 1 }), "field hash: found 1, expected text"],
  ])("says what is wrong in %j", (text, sentence) => {
    writeFileSync(at("bad.json"), text);
    const { status, stderr } = quern(["bench", "--compare", at("a.json"), at("bad.json")]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^quern: FORMAT: [^\n]*bad\.json[^\n]+\n$/);
    expect(stderr).toContain(sentence);
  });

  it("needs files that are there", () => {
    const { status, stderr } = quern(["bench", "--compare", at("a.json"), at("none.json")]);
    expect(status).toBe(1);
    expect(stderr).toContain("none.json: found no such file");
  });
});

describe("the options of quern bench", () => {
  it.each([
    [["--compare", "a"], "--compare: found 1 files, expected two, A.json B.json"],
    [["m", "--compare", "a", "b"], "--compare: found MODEL m too, expected two files and no model"],
    [["--profile"], "--profile: found no MODEL, expected a model"],
    [["m", "--profile", "--csv"], "--profile: found --csv, expected a table or --json"],
    [["m", "--only", "x"], "--only: found MODEL m, expected no model"],
    [["--prompt", "8"], "--prompt: found no MODEL, expected a model to measure"],
    [["m", "--csv", "--markdown"], "quern bench: found --csv and --markdown, expected one of them"],
    [["m", "--prompt", "8,x"], '--prompt: found "x", expected a whole number from 1'],
    [["m", "--depth", "-1"], '--depth: found "-1", expected a whole number from 0'],
    [["m", "--repeat", "0"], '--repeat: found "0", expected a whole number from 1'],
    [["m", "--matrx", "0"], "found unknown option --matrx, expected --matrix"],
    [[TINY_MODEL, "--matrix", "100"], "matrix: found 100, expected 0 or a multiple of 128"],
    [[TINY_MODEL, "--prompt", "600"], "test pp600: found 600 tokens, expected at most the context, 512"],
  ])("%j: %s", (args, sentence) => {
    const { status, stdout, stderr } = quern(["bench", ...args]);
    expect([status, stdout]).toEqual([2, ""]);
    expect(stderr).toContain(sentence);
  });
});
