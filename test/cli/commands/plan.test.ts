import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { nodeOutputFile } from "../../../src/adapter/node-output.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { writePartialStatistics } from "../../../src/compress/statistics/statistics-file.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { readFixture } from "../../helpers/safetensors.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern, TINY_MODEL } from "../quern.ts";

let folder: string;
const at = (name: string) => join(folder, name);
const windows = (seed: number, count = 2) =>
  Array.from({ length: count }, (_, w) => Array.from({ length: 64 }, (_, i) => (i * 37 + 211 * (w + seed)) % 4096));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-plan-"));
  writeFileSync(at("all.json"), JSON.stringify({ windows: windows(0, 4) }));
  writeFileSync(at("a.json"), JSON.stringify({ windows: windows(0) }));
  writeFileSync(at("b.json"), JSON.stringify({ windows: windows(2) }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(args: readonly string[]): { document: Record<string, unknown>; status: number | null; stderr: string } {
  const { status, stdout, stderr } = quern([...args, "--json"]);
  expect(stderr).not.toContain("unexpected error");
  return { document: JSON.parse(stdout) as Record<string, unknown>, status, stderr };
}

const calibrateTo = (ids: string, output: string, ...more: readonly string[]) =>
  run(["calibrate", TINY_MODEL, "--ids-file", at(ids), "--output", at(output), ...more]);

describe("quern calibrate", () => {
  it("adds up runs over other tokens with --merge", () => {
    const whole = calibrateTo("all.json", "all.safetensors", "--chunk", "2", "--stats-json", at("all-stats.json"));
    expect([calibrateTo("a.json", "a.safetensors").status, calibrateTo("b.json", "b.safetensors").status]).toEqual([
      0, 0,
    ]);
    const files = [at("a.safetensors"), at("b.safetensors")];
    const merged = run(["calibrate", "--merge", ...files, "--output", at("merged.safetensors")]);
    expect(merged.document).toEqual({
      ...whole.document,
      output: at("merged.safetensors"),
      tokenHashes: expect.arrayContaining([expect.any(String)]),
    });
    const [found, expected] = [readFixture(at("merged.safetensors")), readFixture(at("all.safetensors"))];
    expect(found).toEqual(expected);
    expect(run(["calibrate", TINY_MODEL, "--merge", ...files]).status).toBe(0);
    const twice = run(["calibrate", "--merge", files[0], files[0]]);
    expect(twice.document).toMatchObject({
      error: { code: "USAGE", found: expect.stringContaining("the same tokens") },
    });
    expect(run(["calibrate", repositoryFile("models/fable-deepseek"), "--merge", ...files]).document).toMatchObject({
      error: { code: "USAGE", found: "statistics of another model" },
    });
    const { pairs, linears } = JSON.parse(readFileSync(at("all-stats.json"), "utf8")) as Record<string, unknown[]>;
    expect([pairs.length, linears.length]).toEqual([6, 168]);
    expect(linears[0]).toMatchObject({ outlier: expect.any(Number), kurtosis: expect.any(Number) });
  });

  it("goes on with --resume where a run was stopped, and refuses another run's rest", async () => {
    await leavePartial(at("resumed.safetensors.partial"));
    const partial = readFileSync(at("resumed.safetensors.partial"));
    const again = (...more: readonly string[]) => calibrateTo("all.json", "resumed.safetensors", ...more);
    expect(again("--chunk", "2").stderr).toContain("found an interrupted run; go on with --resume");
    const changed = calibrateTo("b.json", "resumed.safetensors", "--chunk", "2", "--resume");
    expect(changed.document).toMatchObject({ error: { code: "USAGE", found: "a run over other tokens" } });
    expect(again("--resume", "--chunk", "1").stderr).toContain("in chunks of 2 windows");
    expect(readFileSync(at("resumed.safetensors.partial")).equals(partial)).toBe(true);
    expect(again("--chunk", "2", "--resume").status).toBe(0);
    expect(existsSync(at("resumed.safetensors.partial"))).toBe(false);
    expect(calibrateTo("all.json", "fresh.safetensors", "--chunk", "2", "--resume").status).toBe(0);
    expect(readFileSync(at("resumed.safetensors")).equals(readFileSync(at("fresh.safetensors")))).toBe(true);
  });

  it("says what it needs", () => {
    expect(quern(["calibrate"]).stderr).toContain("found no model");
    expect(quern(["calibrate", TINY_MODEL, "--self", "--merge", "x"]).status).toBe(2);
    expect(quern(["calibrate", TINY_MODEL, "--self", "--resume"]).stderr).toContain("--output");
  });
});

/** What a run over all.json in chunks of two leaves when it stops after its first chunk. */
async function leavePartial(path: string): Promise<void> {
  const files = await readModelFiles(await nodeFolder(TINY_MODEL));
  await using model = await Model.open(files, await createMachine());
  const onChunk = async (partial: Parameters<typeof writePartialStatistics>[1]) => {
    await writePartialStatistics(await nodeOutputFile(path), partial);
  };
  await calibrate(model, windows(0, 4), { chunk: 2, onChunk });
}

describe("quern plan", () => {
  it("plans what quantize writes, to the byte", () => {
    calibrateTo("all.json", "stats.safetensors");
    const policy = "attention:4,base:2+frequency:2@3+random-linears:10%@8";
    const options = ["--policy", policy, "--stats", at("stats.safetensors"), "--seed", "7", "--group-size", "32"];
    const planned = run(["plan", TINY_MODEL, ...options, "--asymmetric", "--output", at("plan.json")]);
    const document = JSON.parse(readFileSync(at("plan.json"), "utf8")) as Record<string, unknown>;
    expect(planned.document).toMatchObject(document);
    for (const key of ["base", "rules", "resolved", "averageBits", "trueBytes", "policy"])
      expect(document).toHaveProperty(key);
    const quantize = (name: string, ...more: readonly string[]) =>
      run(["quantize", TINY_MODEL, "--method", "rtn", "--clip", "none", "--output", at(name), ...more]).document;
    const byPolicy = quantize("q1", ...options, "--asymmetric");
    const byPlan = quantize("q2", "--plan", at("plan.json"), "--group-size", "32");
    for (const [name, { averageBits, trueBytes }] of [
      ["q1", byPolicy],
      ["q2", byPlan],
    ] as const) {
      expect({ averageBits, trueBytes }).toEqual({
        averageBits: document["averageBits"],
        trueBytes: document["trueBytes"],
      });
      expect(statSync(at(`${name}/model.safetensors`)).size).toBe(trueBytes);
    }
    expect(quern(["plan", TINY_MODEL, "--policy", policy, "--stats", at("stats.safetensors")]).stdout).toContain(
      "8 bits",
    );
  });

  it("names the command that makes what a policy lacks", () => {
    const { status, document } = run(["plan", TINY_MODEL, "--policy", "base:2+frequency:2@4"]);
    expect(status).toBe(2);
    expect(document).toMatchObject({
      error: { code: "USAGE", expected: expect.stringContaining("quern calibrate MODEL") },
    });
    const stats = ["--stats", at("stats.safetensors")];
    expect(run(["plan", TINY_MODEL, "--policy", "base:2+predictor:2@4", ...stats]).stderr).toContain("--predictor");
    expect(run(["plan", TINY_MODEL, "--policy", "base:2+frequency:9@4", ...stats]).status).toBe(2);
    expect(run(["plan", TINY_MODEL, "--policy", "knapsack"]).stderr).toContain("--budget");
    const other = run(["plan", repositoryFile("models/fable-deepseek"), "--policy", "base:2+frequency:2@4", ...stats]);
    expect(other.document).toMatchObject({ error: { found: "statistics of another model" } });
    expect(quern(["quantize", TINY_MODEL, "--bits", "2", "--output", at("q3"), "--self", ...stats]).status).toBe(2);
  });

  it("takes a folder with only a configuration, and says so", () => {
    const bare = mkdtempSync(at("bare-"));
    copyFileSync(`${TINY_MODEL}/config.json`, join(bare, "config.json"));
    const policy = ["--policy", "attention:4,base:2+first:1@8"];
    const [found, whole] = [run(["plan", bare, ...policy]), run(["plan", TINY_MODEL, ...policy])];
    expect(found.stderr).toContain("float parts have 16 bits");
    expect(found.document).toEqual({ ...whole.document, floatParts: "configuration" });
    const study = run([
      "plan",
      repositoryFile("test/fixtures/shapes/deepseek-moe-16b"),
      "--policy",
      "attention:4,dense:4,base:2",
    ]);
    expect(study.document["averageBits"]).toBeCloseTo(2.0673245, 7);
  });
});
