/** `quern quantize`, killed and resumed: what a user has after a crash, a reboot or Ctrl-C. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
const at = (name: string) => join(folder, name);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-resume-"));
  const windows = [0, 1].map((window) => Array.from({ length: 48 }, (_, i) => (i * 37 + window) % 4096));
  writeFileSync(at("ids.json"), JSON.stringify({ windows }));
  expect(quern(quantize("undisturbed"))).toMatchObject({ status: 0 });
  expect(readdirSync(folder).sort()).toEqual(["ids.json", "undisturbed"]);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function quantize(output: string, ...more: readonly string[]): readonly string[] {
  const calibration = ["--ids-file", at("ids.json"), "--clip", "none", "--bits", "3"];
  return ["quantize", TINY_MODEL, "--output", at(output), ...calibration, ...more];
}

function layersOf(output: string): readonly string[] {
  const partial = at(`${output}.partial`);
  return existsSync(partial) ? readdirSync(partial).filter((name) => name.startsWith("layer-")) : [];
}

/** Runs until `isTime`, looked at every few milliseconds, then sends the signal; the exit status, or null for a signal's death. */
async function interrupted(
  args: readonly string[],
  signal: NodeJS.Signals,
  isTime: () => boolean,
): Promise<number | null> {
  const child = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args], { stdio: "ignore" });
  const watch = setInterval(() => {
    if (!isTime()) return;
    clearInterval(watch);
    child.kill(signal);
  }, 5);
  try {
    return await new Promise((resolve, reject) => {
      child.on("exit", (status) => resolve(status));
      child.on("error", reject);
    });
  } finally {
    clearInterval(watch);
  }
}

function expectSame(output: string, undisturbed = "undisturbed"): void {
  const names = readdirSync(at(undisturbed));
  expect(readdirSync(at(output))).toEqual(names);
  for (const name of names)
    expect(readFileSync(at(`${output}/${name}`)).equals(readFileSync(at(`${undisturbed}/${name}`))), name).toBe(true);
  expect(readdirSync(folder).filter((name) => name.includes(output))).toEqual([output]);
}

describe("quern quantize --resume", () => {
  it("ends with the same bytes however often it was killed, with a limit of memory or without", async () => {
    const limited = ["--resume", "--memory", "10MB"];
    for (let kills = 0; layersOf("killed").length < 4; kills++) {
      const before = layersOf("killed").length;
      const status = await interrupted(
        quantize("killed", ...(kills % 2 === 0 ? limited : ["--resume"])),
        "SIGKILL",
        () => layersOf("killed").length > before,
      );
      expect(status).toBeNull();
      expect(existsSync(at("killed"))).toBe(false);
      expect(kills).toBeLessThan(6);
    }
    const run = quern(quantize("killed", ...limited));
    expect(run.status).toBe(0);
    expect(run.stderr).toMatch(/killed\.partial: going on after \d of 6 blocks/);
    expectSame("killed");
  });

  it("survives a kill before anything was kept, and starts anew where there is nothing", async () => {
    const status = await interrupted(quantize("early", "--resume"), "SIGKILL", () => existsSync(at("early.partial")));
    expect(status).toBeNull();
    expect(quern(quantize("early", "--resume")).status).toBe(0);
    expectSame("early");
  });

  it("goes on after Ctrl-C, refuses what it cannot go on with, and begins anew with --force", async () => {
    const status = await interrupted(quantize("stopped"), "SIGINT", () => layersOf("stopped").length >= 2);
    expect(status).toBe(130);
    expect(readdirSync(folder).filter((name) => name.includes("stopped"))).toEqual(["stopped.partial"]);

    const plain = quern(quantize("stopped"));
    expect(plain.status).toBe(1);
    expect(plain.stderr).toMatch(
      /^quern: FILE: .*stopped\.partial: found the work of an interrupted run; go on with --resume, or begin anew with --force\n$/,
    );
    const other = quern(quantize("stopped", "--resume", "--damp", "0.02"));
    expect(other.status).toBe(2);
    expect(other.stderr).toContain("run.json: dampPercent: found 0.01, of another run, expected 0.02");

    const layer = at("stopped.partial/layer-0.safetensors");
    writeFileSync(layer, readFileSync(layer).subarray(0, -1));
    const damaged = quern(quantize("stopped", "--resume"));
    expect(damaged.status).toBe(1);
    expect(damaged.stderr).toMatch(/quern: FORMAT: .*layer-0\.safetensors: tensor model\.layers\.0\./);

    expect(quern(quantize("stopped", "--force")).status).toBe(0);
    expectSame("stopped");
  });

  it("goes on with the same seed's self-calibration, and not with another's", async () => {
    const self = ["--self", "--samples", "2", "--length", "32", "--clip", "none"];
    const args = ["quantize", TINY_MODEL, "--output", at("self"), ...self, "--resume"];
    await interrupted(args, "SIGKILL", () => layersOf("self").length > 0);
    const other = quern([...args, "--seed", "9"]);
    expect(other).toMatchObject({ status: 2, stdout: "" });
    expect(other.stderr).toContain("run.json: calibrationHash: found");
    expect(quern(args)).toMatchObject({ status: 0 });
    expect(quern(["quantize", TINY_MODEL, "--output", at("again"), ...self])).toMatchObject({ status: 0 });
    expectSame("self", "again");
  });
});

describe("a bundle", () => {
  const started = (name: string) => readdirSync(folder).some((file) => file.startsWith(`.${name}.`));
  const isSame = (name: string) => readFileSync(at(name)).equals(readFileSync(at("whole.quern")));
  beforeAll(() => {
    expect(quern(["convert", at("undisturbed"), at("whole.quern")])).toMatchObject({ status: 0 });
  });

  it("whose run is killed while it is written is there after --resume, with the folder's same bytes", async () => {
    const args = quantize("packed", "--bundle", at("of-packed.quern"), "--resume");
    expect(await interrupted(args, "SIGKILL", () => existsSync(at("packed")))).toBeNull();
    expect(existsSync(at("of-packed.quern"))).toBe(false);
    expect(quern(args)).toMatchObject({ status: 0 });
    expect(isSame("of-packed.quern")).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes("of-packed"))).toEqual(["of-packed.quern"]);
    rmSync(at("of-packed.quern"));
    expectSame("packed");
  });

  it("that `convert` was killed at is written by the same command again", async () => {
    const args = ["convert", at("undisturbed"), at("again.quern")];
    expect(await interrupted(args, "SIGKILL", () => started("again.quern"))).toBeNull();
    expect(existsSync(at("again.quern"))).toBe(false);
    expect(quern(args)).toMatchObject({ status: 0 });
    expect(isSame("again.quern")).toBe(true);
    expect(readdirSync(folder).filter((name) => name.includes("again.quern"))).toEqual(["again.quern"]);
  });
});
