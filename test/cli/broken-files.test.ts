/** What the system refuses is told as a sentence that names the path, by every command. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeJournal } from "../../src/adapter/node-journal.ts";
import { repositoryFile } from "../helpers/shared.ts";
import { quern, TINY_MODEL } from "./quern.ts";
import { CONFIG, SweepFolder } from "./sweep/sweep-folder.ts";

let folder: string;
let sweep: SweepFolder;
const at = (...names: readonly string[]) => join(folder, ...names);
beforeAll(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "quern-errors-")));
  writeFileSync(at("file"), "");
  writeFileSync(at("ids.json"), JSON.stringify(Array.from({ length: 64 }, (_, i) => i)));
  writeFileSync(at("cell.jsonl"), '{"key":"a"}\n');
  sweep = new SweepFolder();
  const plans = [{ name: "four", policy: "uniform:4" }];
  sweep.write("sweep.json", { ...CONFIG, plans });
  sweep.write("missing-ids.json", { ...CONFIG, plans, calibration: [{ name: "draw", idsFile: "none.json" }] });
  sweep.write("missing-text.json", { ...CONFIG, plans, metrics: [{ name: "kl", type: "kl", text: "none.txt" }] });
  sweep.write("missing-model.json", { ...CONFIG, plans, models: [{ name: "m", path: "none" }] });
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  sweep[Symbol.dispose]();
});

/** Each command that writes, with an output in a folder. */
const writers = (output: string): readonly (readonly string[])[] => [
  ["quantize", TINY_MODEL, "--method", "rtn", "--output", join(output, "q")],
  ["logits", TINY_MODEL, "--ids", "0", "--output", join(output, "l.npy")],
  ["calibrate", TINY_MODEL, "--ids-file", at("ids.json"), "--output", join(output, "s.safetensors")],
  ["calibrate", TINY_MODEL, "--ids-file", at("ids.json"), "--stats-json", join(output, "s.json")],
  ["plan", TINY_MODEL, "--policy", "uniform:4", "--output", join(output, "p.json")],
  ["smooth", TINY_MODEL, "--ids-file", at("ids.json"), "--output", join(output, "m")],
  ["compare", TINY_MODEL, "--ids-file", at("ids.json"), "--save-reference", join(output, "r.safetensors")],
  [
    "evaluate",
    TINY_MODEL,
    "--tasks",
    "copa",
    "--data",
    repositoryFile("test/fixtures/eval/data"),
    "--output",
    join(output, "e"),
  ],
  ["demo", TINY_MODEL, "--output", join(output, "d")],
  ["report", at("cell.jsonl"), "--output", join(output, "r.html")],
  ["quantize-matrix", at("cell.jsonl"), "--output", join(output, "c.safetensors")],
  ["sweep", sweep.at("sweep.json"), "--output", join(output, "results.jsonl")],
  ["sweep", sweep.at("sweep.json"), "--output", at("results.jsonl"), "--cache", join(output, "cache")],
];
const NAMES = [
  "quantize",
  "logits",
  "calibrate",
  "calibrate --stats-json",
  "plan",
  "smooth",
  "compare",
  "evaluate",
  "demo",
  "report",
  "quantize-matrix",
  "sweep",
  "sweep --cache",
];

describe("a path through a file", () => {
  it.each(NAMES.map((name, i) => [name, i] as const))("is named by %s", (_, i) => {
    const { status, stderr } = quern([...writers(at("file"))[i], "--quiet"]);
    expect(stderr).toMatch(/^quern: FILE: .*file\/[^ ]*: found a file in the path, expected a folder\n$/);
    expect(status).toBe(1);
    expect(readdirSync(folder).filter((name) => name.includes("results"))).toEqual([]);
  });
});

describe("a file that is not there", () => {
  it.each([
    ["missing-ids.json", "none.json"],
    ["missing-text.json", "none.txt"],
    ["missing-model.json", "none"],
    ["none.json", "none.json"],
  ])("is named by a sweep: %s", (config, missing) => {
    const { status, stderr } = quern(["sweep", sweep.at(config), "--quiet"]);
    expect(stderr).toBe(`quern: FILE: ${sweep.at(missing)}: found no such file or folder, expected it to exist\n`);
    expect(status).toBe(1);
  });
});

describe("stdout", () => {
  it.runIf(existsSync("/dev/full"))("is named where it takes nothing", () => {
    const command = `"${process.execPath}" "${repositoryFile("dist/cli/main.js")}" inspect "${TINY_MODEL}" > /dev/full`;
    const { status, stderr } = spawnSync("sh", ["-c", command], { encoding: "utf8" });
    expect(stderr).toMatch(/^quern: FILE: stdout: the disk is full/);
    expect(status).toBe(1);
  });
});

/** A small file system of one's own; undefined where that is not allowed. */
function mounted(name: string, options: string): string | undefined {
  const path = at(name);
  mkdirSync(path);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", path], { stdio: "ignore" });
    return path;
  } catch {
    return undefined;
  }
}

describe("a file system", () => {
  it("that can only be read is named by every command", ({ skip }) => {
    const disk = mounted("read-only", "size=64k,ro");
    if (disk === undefined) return skip("needs the right to mount a small tmpfs");
    try {
      for (const args of writers(disk)) {
        const { status, stderr } = quern([...args, "--quiet"]);
        expect(stderr).toMatch(/^quern: FILE: .*read-only\/[^ ]*: found a file system that is read-only/);
        expect(status).toBe(1);
      }
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("that is full is named, and what was there is whole", async ({ skip }) => {
    const disk = mounted("full", "size=64k");
    if (disk === undefined) return skip("needs the right to mount a small tmpfs");
    try {
      const named = /quern: FILE: .*full\/[^ ]*: the disk is full; nothing half-written was kept/;
      for (const args of [
        writers(disk)[0],
        ["logits", TINY_MODEL, "--ids", "0,1,2,3,4", "--output", join(disk, "l.npy")],
      ]) {
        const { status, stderr } = quern([...args, "--quiet"]);
        expect(stderr).toMatch(named);
        expect(status).toBe(1);
        // What a run is made from stays, for --resume.
        expect(readdirSync(disk).filter((name) => name !== "q.partial")).toEqual([]);
        rmSync(join(disk, "q.partial"), { recursive: true, force: true });
      }
      await using journal = await nodeJournal(join(disk, "journal"));
      await journal.append("first");
      await expect(journal.append("x".repeat(100_000))).rejects.toMatchObject({ code: "FILE" });
      await journal.append("second");
      expect(readFileSync(join(disk, "journal"), "utf8")).toBe("first\nsecond\n");
    } finally {
      execFileSync("umount", [disk]);
    }
  });
});
