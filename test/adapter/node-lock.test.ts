import { spawn, spawnSync } from "node:child_process";
import {
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
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeLock } from "../../src/adapter/node-lock.ts";
import { builtModule } from "../helpers/built-module.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), "quern-lock-")));
  path = join(folder, "deep", "results.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** This process's number and when it began. */
const OWN = new RegExp(`^${process.pid}-\\d+$`);

/** The number of a process that is gone. */
const ended = () => spawnSync(process.execPath, ["-e", ""]).pid;

describe("nodeLock", () => {
  it("names its process beside the file until it is let go", async () => {
    {
      await using _ = await nodeLock(path);
      expect(readFileSync(`${path}.lock`, "utf8")).toMatch(OWN);
    }
    // Nor does the folder stay that was made for it.
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is refused while a process that runs has it, and leaves it as it is", async () => {
    const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    try {
      mkdirSync(join(folder, "deep"));
      writeFileSync(`${path}.lock`, String(other.pid));
      await expect(nodeLock(path)).rejects.toMatchObject({
        code: "USAGE",
        message: `${path}: found process ${other.pid} at work on it, expected one at a time (it holds ${path}.lock)`,
      });
      expect(readFileSync(`${path}.lock`, "utf8")).toBe(String(other.pid));
    } finally {
      other.kill("SIGKILL");
    }
  });

  it.each([
    ["a process that was killed", () => String(ended())],
    ["one that was killed before it wrote its number", () => ""],
    ["one that had this one's number", () => String(process.pid)],
    ["one that had a number before the process that has it now", () => `${process.ppid}-1`],
  ])("does not heed what %s left", async (_, left) => {
    writeFileSync(join(folder, "results.jsonl.lock"), left());
    await using _lock = await nodeLock(join(folder, "results.jsonl"));
    expect(readFileSync(join(folder, "results.jsonl.lock"), "utf8")).toMatch(OWN);
    expect(readdirSync(folder)).toEqual(["results.jsonl.lock"]);
  });

  it("is one for a process too, and for every way to the output", async () => {
    mkdirSync(join(folder, "deep"));
    symlinkSync(join(folder, "deep"), join(folder, "link"));
    {
      await using _lock = await nodeLock(path);
      for (const way of [path, join(folder, "link", "results.jsonl")])
        await expect(nodeLock(way)).rejects.toThrow(`${way}: found process ${process.pid} at work on it`);
      expect(readdirSync(join(folder, "deep"))).toEqual(["results.jsonl.lock"]);
    }
    await (await nodeLock(path))[Symbol.asyncDispose]();
    expect(readdirSync(join(folder, "deep"))).toEqual([]);
  });

  it("goes with a process that ends before it disposes", () => {
    const module = pathToFileURL(builtModule("src/adapter/node-lock.ts")).href;
    const program = `import { nodeLock } from ${JSON.stringify(module)};
      import { existsSync } from "node:fs";
      await nodeLock(process.argv[1]);
      process.exit(existsSync(process.argv[1] + ".lock") ? 130 : 1);`;
    const output = join(folder, "results.jsonl");
    expect(spawnSync(process.execPath, ["--input-type=module", "-e", program, output]).status).toBe(130);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("is never there without its holder's number, which another process would take for one that was killed", async () => {
    const module = pathToFileURL(builtModule("src/adapter/node-lock.ts")).href;
    const program = `import { nodeLock } from ${JSON.stringify(module)};
      for (let time = 0; time < 400; time++) await (await nodeLock(process.argv[1]))[Symbol.asyncDispose]();`;
    const output = join(folder, "results.jsonl");
    const child = spawn(process.execPath, ["--input-type=module", "-e", program, output]);
    const found = new Set<string>();
    while (child.exitCode === null) {
      for (let look = 0; look < 200; look++)
        try {
          found.add(readFileSync(`${output}.lock`, "utf8"));
        } catch {} // it is not there now
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect([child.exitCode, ...found]).toEqual([0, expect.stringMatching(new RegExp(`^${child.pid}-`))]);
    expect(readdirSync(folder)).toEqual([]);
  });

  it("says which file cannot be made", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(nodeLock(join(folder, "file", "results.jsonl"))).rejects.toMatchObject({ code: "FILE" });
    expect(existsSync(join(folder, "file.lock"))).toBe(false);
  });
});
