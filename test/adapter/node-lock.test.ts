import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { nodeLock } from "../../src/adapter/node-lock.ts";

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-lock-"));
  path = join(folder, "deep", "results.jsonl");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** The number of a process that is gone. */
const ended = () => spawnSync(process.execPath, ["-e", ""]).pid;

describe("nodeLock", () => {
  it("names its process beside the file until it is let go", async () => {
    {
      await using _ = await nodeLock(path);
      expect(readFileSync(`${path}.lock`, "utf8")).toBe(String(process.pid));
    }
    expect(readdirSync(join(folder, "deep"))).toEqual([]);
  });

  it("is refused while a process that runs has it, and leaves it as it is", async () => {
    const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    try {
      await (await nodeLock(path))[Symbol.asyncDispose]();
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
  ])("does not heed what %s left", async (_, left) => {
    writeFileSync(join(folder, "results.jsonl.lock"), left());
    await using _lock = await nodeLock(join(folder, "results.jsonl"));
    expect(readFileSync(join(folder, "results.jsonl.lock"), "utf8")).toBe(String(process.pid));
    expect(readdirSync(folder)).toEqual(["results.jsonl.lock"]);
  });

  it("says which file cannot be made", async () => {
    writeFileSync(join(folder, "file"), "");
    await expect(nodeLock(join(folder, "file", "results.jsonl"))).rejects.toMatchObject({ code: "FILE" });
    expect(existsSync(join(folder, "file.lock"))).toBe(false);
  });
});
