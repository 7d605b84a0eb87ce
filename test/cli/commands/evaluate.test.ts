import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, TINY_MODEL } from "../quern.ts";

const DATA = repositoryFile("test/fixtures/eval/data");

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-evaluate-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const at = (name: string) => join(folder, name);
const run = (...args: readonly string[]) => quern(["evaluate", TINY_MODEL, "--data", DATA, "--limit", "4", ...args]);
const json = (...args: readonly string[]) => {
  const { status, stdout, stderr } = run(...args, "--json", "--quiet");
  expect(stderr).not.toContain("unexpected error");
  return { status, stderr, document: JSON.parse(stdout) };
};
function file(name: string, value: unknown): string {
  writeFileSync(at(name), typeof value === "string" ? value : JSON.stringify(value));
  return at(name);
}

describe("quern evaluate", () => {
  it("prints one document with the fields of the contract", () => {
    const { status, stderr, document } = json("--tasks", "copa,openbookqa", "--log-samples");
    expect([status, stderr]).toEqual([0, ""]);
    const ofMetric = (name: string) => ({
      [`${name},none`]: expect.any(Number),
      [`${name}_stderr,none`]: expect.any(Number),
    });
    expect(document.results).toEqual({
      copa: { alias: "copa", ...ofMetric("acc") },
      openbookqa: { alias: "openbookqa", ...ofMetric("acc"), ...ofMetric("acc_norm") },
    });
    expect(document["n-samples"]).toEqual({
      copa: { original: 50, effective: 4 },
      openbookqa: { original: 50, effective: 4 },
    });
    expect(document.versions).toEqual({ copa: 1, openbookqa: 1 });
    expect(document.config).toMatchObject({
      ...{ model: TINY_MODEL, model_type: "mixtral", limit: 4, batch_size: 32, shots: null, activations: "f32" },
      ...{ modelHash: expect.stringMatching(/^[0-9a-f]{64}$/), tokenizerHash: expect.stringMatching(/^[0-9a-f]{64}$/) },
      threads: expect.any(Number),
    });
    const samples = document.samples.openbookqa as Record<string, unknown>[];
    expect(samples.map(({ doc_id }) => doc_id)).toEqual([0, 1, 2, 3]);
    expect(samples[0]).toMatchObject({
      target: 1,
      acc: 0,
      acc_norm: 0,
      resps: Array(4).fill([expect.any(Number), false]),
    });
    expect(Object.keys(document.samples)).toEqual(["copa", "openbookqa"]);
    const mean = samples.reduce((sum, { acc_norm }) => sum + (acc_norm as number), 0) / 4;
    expect(document.results.openbookqa["acc_norm,none"]).toBe(mean);
    expect(document).not.toHaveProperty("errors");
  });

  it("prints a table, or markdown, and no samples unasked", () => {
    const plain = run("--tasks", " copa, mmlu_stem", "--limit", "1");
    expect(plain.status).toBe(1); // 18 subjects have no files here
    expect(plain.stdout).toMatch(/^task +shots +items +metric +value/);
    expect(plain.stdout).toMatch(/\ncopa +0 +1 +acc +[01]\.0000 \* +0\.0000 +\S+ to \S+ +0\.500\n/);
    expect(plain.stdout).toMatch(/\nmmlu_stem \(1 task\) +1 +acc/);
    expect(plain.stderr).toContain("quern: evaluate, 2 items\n");
    const { stdout } = run("--tasks", "winogrande", "--markdown", "--quiet");
    expect(stdout).toMatch(/^\| task +\|/);
    expect(stdout).toContain("| winogrande |");
    expect(json("--tasks", "winogrande").document).not.toHaveProperty("samples");
  });

  it("takes tasks of one's own, and shots", () => {
    const task = { task: "mine", files: { test: "copa/val.jsonl", fewshot: "copa/train.jsonl" } };
    const path = file("mine.json", {
      ...{ ...task, doc_to_text: "premise", doc_to_choice: ["{{choice1}}", "{{choice2}}"], doc_to_target: "label" },
      metric_list: ["acc", "acc_bytes"],
    });
    const { status, document } = json("--task", path, "--shots", "2");
    expect(status).toBe(0);
    expect(Object.keys(document.results.mine)).toContain("acc_bytes,none");
    expect(document["n-shot"]).toEqual({ mine: 2 });
    expect(Object.keys(json("--task", path, "--tasks", "copa").document.results)).toEqual(["copa", "mine"]);
  });

  it("writes its document, and not over another", () => {
    const output = at("out.json");
    const { document } = json("--tasks", "copa", "--log-samples", "--output", output);
    expect(JSON.parse(readFileSync(output, "utf8"))).toEqual(document);
    expect(readdirSync(folder).filter((name) => name.includes("out.json"))).toEqual(["out.json"]);
    const again = json("--tasks", "copa", "--output", output);
    expect(again).toMatchObject({ status: 1, document: { error: { code: "FILE" } } });
    expect(again.document.error.message).toContain("--force");
    expect(json("--tasks", "winogrande", "--output", output, "--force").status).toBe(0);
    expect(Object.keys(JSON.parse(readFileSync(output, "utf8")).results)).toEqual(["winogrande"]);
  });

  it("compares with an earlier run", () => {
    const base = file("base.json", json("--tasks", "copa", "--log-samples").document);
    const { status, document } = json("--tasks", "copa,winogrande", "--activations", "int8", "--baseline", base);
    expect(status).toBe(0);
    expect(document.baseline).toMatchObject([{ task: "copa", metric: "acc", n: 4, shown: false }]);
    expect(run("--tasks", "copa", "--baseline", base).stdout).toContain("+0.0000, no difference shown");
    expect(json("--tasks", "copa", "--limit", "1", "--baseline", base).document.baseline[0].interval).toEqual([
      null,
      null,
    ]);
    const other = json("--tasks", "copa", "--shots", "1", "--baseline", base);
    expect(other).toMatchObject({ status: 1, document: { error: { code: "FORMAT" } } });
    expect(other.document.error.message).toContain("base.json: samples.copa, doc_id 0: found another question");
    const bare = json("--tasks", "copa", "--baseline", file("bare.json", { results: {} }));
    expect(bare).toMatchObject({ status: 1, document: { error: { code: "FORMAT" } } });
    expect(bare.document.error.message).toContain("expected the samples of a run with --log-samples");
  });
});

describe("quern evaluate, what it cannot score", () => {
  /** A data folder with these COPA rows, and nothing else. */
  function copaFolder(name: string, rows: readonly (object | string)[]): string {
    mkdirSync(at(`${name}/copa`), { recursive: true });
    const lines = rows.map((row) => `${typeof row === "string" ? row : JSON.stringify(row)}\n`);
    writeFileSync(at(`${name}/copa/val.jsonl`), lines.join(""));
    return at(name);
  }
  const ROW = { premise: "It rained.", choice1: "It was wet.", choice2: "It was dry.", question: "effect", label: 0 };

  it("scores the other tasks where a split is missing", () => {
    const output = at("partial.json");
    const args = ["--tasks", "copa,piqa,openbookqa", "--data", copaFolder("one", [ROW]), "--output", output];
    const { status, document, stderr } = json(...args);
    expect(status).toBe(1);
    expect(Object.keys(document.results)).toEqual(["copa"]);
    expect(document.errors).toMatchObject([{ code: "FILE" }, { code: "FILE" }]);
    expect(document.errors[0].message).toContain("found neither piqa/valid.jsonl nor piqa/valid.jsonl.gz");
    expect(document.error).toEqual(document.errors[0]);
    expect(stderr).toMatch(/^quern: PARTIAL: .*2 rows or tasks could not be scored or compared, the others were\n$/);
    expect(JSON.parse(readFileSync(output, "utf8"))).toEqual(document);
    expect(existsSync(`${output}.samples.jsonl`)).toBe(false);
    expect(run(...args, "--force").stderr).toContain("quern: FILE: ");
  });

  it("scores the other rows where some are malformed", () => {
    const rows = [ROW, "{half", { ...ROW, label: 2 }, { ...ROW, question: "why" }, ROW, { ...ROW, label: 7 }];
    const { status, document } = json("--tasks", "copa", "--data", copaFolder("rows", rows), "--limit", "5");
    expect(status).toBe(1);
    expect(document["n-samples"].copa).toEqual({ original: 6, effective: 2 });
    expect(
      document.errors.map(({ message }: { message: string }) => /val\.jsonl: line (\d)/.exec(message)?.[1]),
    ).toEqual(["2", "3", "4"]);
    expect(document.errors[1].message).toContain("found 2 for doc_to_target, expected an index below 2");
  });

  it("ends with a document where nothing could be scored", () => {
    const { status, document } = json("--tasks", "piqa", "--data", copaFolder("none", [ROW]));
    expect([status, document.results, document.errors.length]).toEqual([1, {}, 1]);
  });

  it.each<[string[], string, number, string]>([
    [["--tasks", "cop"], "USAGE", 2, 'tasks: found "cop", expected the name of a task or group, such as copa'],
    [["--tasks", ","], "USAGE", 2, "--tasks: found no tasks"],
    [[], "USAGE", 2, "--tasks: found no tasks"],
    [["--tasks", "copa", "--data", "no/such/folder"], "FILE", 1, "no/such/folder"],
    [["--tasks", "copa", "--resume"], "USAGE", 2, "--resume: found no --output"],
    [["--tasks", "copa", "--limit", "0"], "USAGE", 2, '--limit: found "0"'],
    [["--tasks", "copa", "--shots", "3"], "USAGE", 2, "task copa: found 3 shots, expected at most 2"],
    [["--tasks", "copa", "--task", "nowhere.json"], "FILE", 1, "nowhere.json"],
    [["--tasks", "copa", "--baseline", "nowhere.json"], "FILE", 1, "nowhere.json"],
    [["--tasks", "copa", "--log-sample"], "USAGE", 2, "--log-samples"],
  ])("refuses %j", (args, code, exit, sentence) => {
    const { status, document } = json(...args);
    expect(document).toEqual({ error: expect.objectContaining({ code, message: expect.stringContaining(sentence) }) });
    expect(status).toBe(exit);
  });

  it("refuses a task of one's own that it does not understand", () => {
    const task = { task: "mine", files: { test: "t.jsonl" }, doc_to_text: "q", doc_to_choice: "c", doc_to_target: "t" };
    const unknown = json("--task", file("unknown.json", { ...task, doc_to_txt: "q" }));
    expect(unknown).toMatchObject({ status: 1, document: { error: { code: "FORMAT" } } });
    expect(unknown.document.error.message).toContain("field doc_to_txt: found no such field, expected doc_to_text");
    const taken = json("--task", file("taken.json", { ...task, task: "copa" }));
    expect(taken).toMatchObject({ status: 2, document: { error: { code: "USAGE" } } });
  });

  it("leaves nothing to resume where it fails before the first answer", () => {
    const output = at("early.json");
    expect(json("--tasks", "copa", "--shots", "3", "--output", output).status).toBe(2);
    expect(json("--tasks", "copa", "--data", "no/such/folder", "--output", output).status).toBe(1);
    expect(readdirSync(folder).filter((name) => name.includes("early"))).toEqual([]);
    expect(json("--tasks", "copa", "--output", output).status).toBe(0);
  });
});
