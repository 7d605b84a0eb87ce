/** A run that is stopped, and the one that goes on with it. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, TINY_MODEL } from "../quern.ts";

const TASKS = ["--tasks", "copa,openbookqa", "--limit", "25", "--batch-size", "1", "--log-samples", "--json"];

let folder: string;
let output: string;
let journal: string;
let whole: Record<string, unknown>;
/** The journal of a run that was stopped with Ctrl-C. */
let lines: readonly string[];
let stopped: { status: number | null; stdout: string; stderr: string };
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "quern-resume-"));
  output = join(folder, "run.json");
  journal = `${output}.samples.jsonl`;
  whole = JSON.parse(quern(argsOf()).stdout);
  stopped = await stopOnce(journal, [...argsOf(), "--output", output]);
  lines = readFileSync(journal, "utf8").split("\n").slice(0, -1);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function argsOf(model = TINY_MODEL): string[] {
  return ["evaluate", model, "--data", repositoryFile("test/fixtures/eval/data"), ...TASKS];
}

/** Runs the program and presses Ctrl-C when its journal holds a few lines. */
function stopOnce(watched: string, args: readonly string[]): Promise<typeof stopped> {
  const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args]);
  const texts = { stdout: "", stderr: "" };
  child.stdout.on("data", (piece) => {
    texts.stdout += piece;
  });
  child.stderr.on("data", (piece) => {
    texts.stderr += piece;
  });
  const timer = setInterval(() => {
    if (!existsSync(watched) || readFileSync(watched, "utf8").split("\n").length < 4) return;
    clearInterval(timer);
    child.kill("SIGINT");
  }, 2);
  return new Promise((resolve) => {
    child.on("close", (status) => {
      clearInterval(timer);
      resolve({ status, ...texts });
    });
  });
}

function resume(kept: readonly string[], ...more: readonly string[]) {
  writeFileSync(journal, kept.join("\n"));
  const { status, stdout } = quern([...argsOf(), "--output", output, "--resume", ...more]);
  return { status, document: JSON.parse(stdout) };
}

describe("quern evaluate, stopped", () => {
  it("keeps its answers, and nothing else", () => {
    expect(stopped.status).toBe(130);
    expect(JSON.parse(stopped.stdout)).toMatchObject({ error: { code: "INTERRUPTED" } });
    expect(lines.length).toBeGreaterThanOrEqual(3);
    expect(lines.length).toBeLessThan(51);
    expect(JSON.parse(lines[0])).toMatchObject({ format: "quern evaluate 1", activations: "f32", shots: null });
    expect(JSON.parse(lines[1])).toMatchObject({
      task: "copa",
      doc_id: 0,
      target: 1,
      request_hash: expect.any(String),
    });
    expect(readdirSync(folder)).toEqual(["run.json.samples.jsonl"]);
  });

  it("is not begun anew by mistake", () => {
    const { status, stdout } = quern([...argsOf(), "--output", output]);
    expect(status).toBe(1);
    expect(JSON.parse(stdout).error.message).toContain(
      "run.json.samples.jsonl: found the journal of an interrupted run; go on with --resume, or begin anew with --force",
    );
    expect(readFileSync(journal, "utf8").trimEnd().split("\n")).toEqual(lines);
  });

  it("refuses to go on with another model, other shots, or a journal that is none", () => {
    const shots = resume([...lines, ""], "--shots", "1");
    expect(shots).toMatchObject({ status: 2, document: { error: { code: "USAGE" } } });
    expect(shots.document.error.message).toContain(
      "run.json.samples.jsonl: shots: found null, of another run, expected 1",
    );
    const rounded = resume([...lines, ""], "--activations", "int8");
    expect(rounded.document.error.message).toContain('activations: found "f32", of another run');
    const other = quern([...argsOf(repositoryFile("models/fable-deepseek")), "--output", output, "--resume"]);
    expect(other.status).toBe(2);
    expect(JSON.parse(other.stdout).error.message).toContain("run.json.samples.jsonl: modelHash: found ");
    const bad = resume([lines[0], lines[1].slice(0, 30), lines[2], ""]);
    expect(bad).toMatchObject({ status: 1, document: { error: { code: "FORMAT" } } });
    expect(bad.document.error.message).toContain("run.json.samples.jsonl: line 2");
    const changed = resume([lines[0], JSON.stringify({ ...JSON.parse(lines[1]), request_hash: "0" }), ""]);
    expect(changed.status).toBe(2);
    expect(changed.document.error.message).toContain("task copa, row 0: found the answer to another question");
    expect(readdirSync(folder)).toEqual(["run.json.samples.jsonl"]);
  });

  it("goes on, asks nothing twice, and ends with the same document", () => {
    // What is known is taken as it is: an answer that the model would not give shows it.
    const marked = {
      ...JSON.parse(lines[1]),
      resps: [
        [-1, true],
        [-2, false],
      ],
    };
    const believed = resume([lines[0], JSON.stringify(marked), '{"task":"copa","doc_'], "--limit", "2");
    expect(believed.status).toBe(0);
    expect(believed.document.samples.copa[0]).toMatchObject({ resps: marked.resps, acc: 0 });
    rmSync(output);
    const { status, document } = resume([...lines, '{"task":"copa","doc_']);
    expect(status).toBe(0);
    expect(document).toEqual(whole);
    expect(JSON.parse(readFileSync(output, "utf8"))).toEqual(whole);
    expect(readdirSync(folder)).toEqual(["run.json"]);
  });

  it("starts anew where there is nothing to resume", () => {
    rmSync(output, { force: true });
    const { status, stdout } = quern([...argsOf(), "--limit", "2", "--output", output, "--resume"]);
    expect(status).toBe(0);
    expect(JSON.parse(stdout)["n-samples"].copa.effective).toBe(2);
    expect(readdirSync(folder)).toEqual(["run.json"]);
  });
});
