/** What commands write never touches what they read, nor what another process is writing. */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, type Run, TINY_MODEL } from "../quern.ts";

let folder: string;
const at = (...names: readonly string[]) => join(folder, ...names);
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "quern-outputs-")));
  cpSync(TINY_MODEL, at("model"), { recursive: true });
  symlinkSync(at("model"), at("link"));
  const windows = [Array.from({ length: 48 }, (_, i) => (i * 37) % 4096)];
  writeFileSync(at("ids.json"), JSON.stringify({ windows }));
  writeFileSync(at("prompt.json"), "[0,430]");
  writeFileSync(at("text.txt"), "Once upon a time");
  mkdirSync(at("data"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Names, sizes and contents of all that is there. */
function snapshot(): ReadonlyMap<string, string> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  return new Map(files.sort().map((file) => [file, readFileSync(file, "latin1")]));
}

describe("an output that is, holds or lies inside an input", () => {
  const ids = () => ["--ids-file", at("ids.json")];
  const cases: readonly (readonly [string, () => readonly string[]])[] = [
    ["quantize M --output M", () => ["quantize", at("model"), "--output", at("model"), ...ids()]],
    ["quantize by a link", () => ["quantize", at("model"), "--output", at("link"), ...ids()]],
    ["quantize what a link leads to", () => ["quantize", at("link"), "--output", at("model"), "--method", "rtn"]],
    ["quantize into M", () => ["quantize", at("model"), "--output", at("model", "new"), "--method", "rtn"]],
    ["quantize over its tokens", () => ["quantize", at("model"), "--output", folder, ...ids()]],
    ["quantize with the model as work", () => ["quantize", at("q.partial"), "--output", at("q"), "--method", "rtn"]],
    ["logits", () => ["logits", at("model"), "--ids", "0", "--output", at("model", "model.safetensors")]],
    [
      "logits by a hard path",
      () => ["logits", at("model"), "--ids", "0", "--output", `${at("link")}/../model/./x.npy`],
    ],
    ["logits over ids", () => ["logits", at("model"), "--ids-file", at("p.npy"), "--output", at("p.npy")]],
    ["smooth", () => ["smooth", at("model"), "--output", at("link"), ...ids()]],
    ["smooth over text", () => ["smooth", at("model"), "--output", at("data"), "--calibration", at("data", "a.txt")]],
    ["calibrate", () => ["calibrate", at("model"), "--output", at("model", "s.safetensors"), ...ids()]],
    ["calibrate over text", () => ["calibrate", at("model"), "--stats-json", at("text.txt"), "--text", at("text.txt")]],
    ["calibrate twice", () => ["calibrate", at("model"), "--output", at("s"), "--stats-json", at("s"), ...ids()]],
    ["calibrate --merge", () => ["calibrate", "--merge", at("a"), at("b"), "--output", at("b")]],
    ["plan", () => ["plan", at("model"), "--policy", "uniform:4", "--output", at("model", "config.json")]],
    [
      "plan over statistics",
      () => ["plan", at("model"), "--policy", "uniform:4", "--stats", at("s"), "--output", at("s")],
    ],
    ["compare", () => ["compare", at("model"), "--save-reference", at("link", "r.safetensors"), ...ids()]],
    [
      "compare over the reference",
      () => ["compare", at("model"), "--reference", at("r"), "--save-reference", at("r", "r.safetensors"), ...ids()],
    ],
    [
      "evaluate",
      () => ["evaluate", at("model"), "--tasks", "copa", "--data", at("data"), "--output", at("data", "r.json")],
    ],
    [
      "evaluate over the baseline",
      () => [
        "evaluate",
        at("model"),
        "--tasks",
        "copa",
        "--data",
        at("data"),
        "--baseline",
        at("b.json"),
        "--output",
        at("b.json"),
      ],
    ],
    ["demo", () => ["demo", at("model"), "--output", at("model")]],
    ["demo around the model", () => ["demo", at("model"), "--output", folder]],
    ["report", () => ["report", at("text.txt"), "--output", at("text.txt")]],
    ["quantize-matrix", () => ["quantize-matrix", at("text.txt"), "--output", at("text.txt")]],
  ];

  it.each(cases)("is refused, with --force too: %s", (_, args) => {
    const before = snapshot();
    const { status, stderr } = quern([...args(), "--force"]);
    expect(stderr).toMatch(
      /^quern: FILE: .*: (?:is|holds|lies inside) .*, which is (?:read|written too), expected a place/,
    );
    expect(status).toBe(1);
    expect(snapshot()).toEqual(before);
  });

  it("is not one that lies beside it; its lock goes", () => {
    const args = ["logits", at("model"), "--ids-file", at("prompt.json"), "--output", at("beside.npy")];
    expect(quern(args).status).toBe(0);
    expect(readdirSync(folder).filter((name) => name.includes("beside"))).toEqual(["beside.npy"]);
  });
});

describe("quern demo", () => {
  it.each(["results.md", "results.json", "gptq-4bit"])("refuses %s that exists, before any work", (name) => {
    const output = at("demo");
    mkdirSync(output);
    if (name.includes(".")) writeFileSync(join(output, name), "of an earlier run");
    else mkdirSync(join(output, name));
    const { status, stderr } = quern(["demo", at("model"), "--output", output, "--quiet"]);
    expect(stderr).toContain(`quern: FILE: ${join(output, name)}: exists, expected a new`);
    expect(status).toBe(1);
    expect(readdirSync(output)).toEqual([name]);
    rmSync(output, { recursive: true });
  });
});

describe("two runs on one output", () => {
  /** The program in a process of its own. */
  function begin(args: readonly string[]): Promise<Run> {
    const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args]);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    return new Promise((resolve) => child.on("close", (status) => resolve({ status, stdout: "", stderr })));
  }

  it.each([["new"], ["there already"]])(
    "leave a whole folder, and the second is refused by name (%s)",
    async (kind) => {
      const quantize = (output: string) => {
        const grid = ["--method", "rtn", "--bits", "4", "--clip", "none", "--threads", "1", "--quiet"];
        return ["quantize", at("model"), "--output", at(output), ...grid];
      };
      expect(quern(quantize("alone")).status).toBe(0);
      const wholes = new Map(readdirSync(at("alone")).map((name) => [name, readFileSync(at("alone", name), "latin1")]));
      for (let time = 0; time < 2; time++) {
        if (kind === "new") rmSync(at("twice"), { recursive: true, force: true });
        const args = [...quantize("twice"), "--force"];
        const runs = await Promise.all([begin(args), begin(args), begin(args)]);
        expect(runs.some(({ status }) => status === 0)).toBe(true);
        for (const { status, stderr } of runs)
          if (status !== 0) expect(stderr).toMatch(/^quern: USAGE: .*twice: found process \d+ at work on it/);
        const found = new Map(
          readdirSync(at("twice")).map((name) => [name, readFileSync(at("twice", name), "latin1")]),
        );
        expect(found).toEqual(wholes);
        expect(readdirSync(folder).filter((name) => name.includes("twice"))).toEqual(["twice"]);
      }
      rmSync(at("alone"), { recursive: true });
    },
  );

  it("is no more than one once the first was killed, and its lock and half-written file are gone", async () => {
    const args = ["logits", at("model"), "--ids-file", at("prompt.json"), "--output", at("killed.npy"), "--force"];
    const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    const left = () => readdirSync(folder).filter((name) => name.includes("killed.npy"));
    while (!left().some((name) => name.endsWith(".partial")) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGKILL");
    await ended;
    expect(left()).toEqual(expect.arrayContaining(["killed.npy.lock"]));
    expect(quern(args).status).toBe(0);
    expect(left()).toEqual(["killed.npy"]);
  });

  it("leaves no lock after Ctrl-C or failure", async () => {
    const output = at("failed", "deep", "stats.safetensors");
    const failed = quern(["calibrate", at("model"), "--output", output, "--text", at("none.txt")]);
    expect(failed.stderr).toContain("none.txt: found no such file");
    expect(existsSync(at("failed"))).toBe(false);
    const args = ["calibrate", at("model"), "--output", output, "--self", "--quiet"];
    const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args], { stdio: "ignore" });
    const ended = new Promise((resolve) => child.on("close", resolve));
    while (!existsSync(`${output}.lock`) && child.exitCode === null)
      await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill("SIGINT");
    expect(await ended).toBe(130);
    expect(existsSync(at("failed"))).toBe(false);
  });
});
