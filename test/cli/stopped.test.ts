/** What commands say after Ctrl-C: how to go on, where there is something to go on with; and what they say is so. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../helpers/shared.ts";
import { quern, stopped, TINY_MODEL } from "./quern.ts";
import { CONFIG, SweepFolder } from "./sweep/sweep-folder.ts";

const STOPPED = "quern: INTERRUPTED: stopped by Ctrl-C before the work was done";
const RESUME = `${STOPPED}; the same command with --resume goes on after what is done\n`;

let folder: string;
const at = (name: string) => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-stopped-"));
  const windows = [0, 1, 2, 3].map((window) => Array.from({ length: 48 }, (_, i) => (i * 37 + window) % 4096));
  writeFileSync(at("ids.json"), JSON.stringify({ windows }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const hasLine = (path: string) => existsSync(path) && readFileSync(path, "utf8").includes("\n");
const ids = () => ["--ids-file", at("ids.json"), "--quiet", "--threads", "1"];

describe("after Ctrl-C", () => {
  const commands: readonly (readonly [string, () => readonly string[], () => boolean])[] = [
    [
      "quantize",
      () => ["quantize", TINY_MODEL, "--output", at("q"), "--bits", "3", ...ids()],
      () => existsSync(at("q.partial")) && readdirSync(at("q.partial")).includes("layer-0.safetensors"),
    ],
    [
      "calibrate",
      () => ["calibrate", TINY_MODEL, "--output", at("s.safetensors"), "--chunk", "1", ...ids()],
      () => existsSync(at("s.safetensors.partial")),
    ],
    [
      "evaluate",
      () => {
        const data = repositoryFile("test/fixtures/eval/data");
        const args = ["evaluate", TINY_MODEL, "--tasks", "copa,openbookqa", "--data", data, "--output", at("e.json")];
        return [...args, "--batch-size", "1", "--quiet"];
      },
      () => hasLine(at("e.json.samples.jsonl")),
    ],
  ];

  it.each(commands)("%s says that --resume goes on, and it does", async (_, args, isTime) => {
    const run = await stopped(args(), isTime);
    expect(run.stderr).toBe(RESUME);
    expect(run.status).toBe(130);
    expect(readdirSync(folder).filter((name) => name.endsWith(".lock"))).toEqual([]);
    expect(quern(args()).stderr).toContain("--resume");
    expect(quern([...args(), "--resume"]).status).toBe(0);
  });

  it.each([
    [[], ""],
    [["--force"], " without --force"],
  ])("a sweep says that the same command goes on (%s), and it does", async (force, how) => {
    using sweep = new SweepFolder();
    const config = { ...CONFIG, plans: [{ name: "four", policy: "uniform:4" }] };
    const output = sweep.at("results.jsonl");
    const args = ["sweep", sweep.write("sweep.json", config), "--output", output, "--jobs", "1", "--quiet"];
    const run = await stopped([...args, ...force], () => hasLine(output));
    expect(run.stderr).toBe(`${STOPPED}; the same command${how} goes on after the cells that are done\n`);
    expect(run.status).toBe(130);
    const done = readFileSync(output, "utf8");
    expect(quern(args).status).toBe(0);
    expect(readFileSync(output, "utf8").startsWith(done)).toBe(true);
    expect(readdirSync(sweep.path).sort()).toEqual(["draw.json", "results.jsonl", "sweep.json", "text.json"]);
  });

  it("a command that keeps nothing says no more than that it was stopped", async () => {
    const args = ["calibrate", TINY_MODEL, "--stats-json", at("only.json"), "--self", "--quiet"];
    const run = await stopped(args, () => existsSync(at("only.json.lock")));
    expect(run.stderr).toBe(`${STOPPED}\n`);
    expect(run.status).toBe(130);
    expect(readdirSync(folder).filter((name) => name.includes("only"))).toEqual([]);
  });
});
