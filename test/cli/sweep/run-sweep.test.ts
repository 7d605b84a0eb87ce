import { spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { toJsonSchema } from "@valibot/to-json-schema";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SWEEP_SCHEMA } from "../../../src/cli/sweep/config/sweep-schema.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern } from "../quern.ts";
import { CONFIG, MODEL, SweepFolder } from "./sweep-folder.ts";

let folder: SweepFolder;
let path: string;
beforeAll(() => {
  folder = new SweepFolder();
  path = folder.write("sweep.json", CONFIG);
});
afterAll(() => folder[Symbol.dispose]());

/** Lines without what may differ, by key. */
function contentOf(file: string): readonly string[] {
  const lines = readFileSync(file, "utf8").trim().split("\n");
  return lines
    .map((line) => {
      const { timing, ...rest } = JSON.parse(line) as { timing: unknown };
      expect(timing).toMatchObject({ seconds: expect.any(Number) });
      return JSON.stringify(rest);
    })
    .sort();
}

const sweep = (...args: readonly string[]) => quern(["sweep", path, ...args]);

describe("quern sweep", () => {
  let whole: readonly string[];
  beforeAll(() => {
    const output = folder.at("whole.jsonl");
    expect(sweep("--output", output, "--jobs", "1", "--quiet").status).toBe(0);
    whole = contentOf(output);
    expect(existsSync(`${output}.cache`)).toBe(false);
  }, 60_000);

  it("writes a line a cell, with what the plan costs and what it is worth", () => {
    expect(whole).toHaveLength(5);
    const cells = whole.map((line) => JSON.parse(line));
    const plans = ["attention", "float", "frequency", "random", "random"];
    expect(cells.map(({ plan }) => plan).sort()).toEqual(plans);
    const attention = cells.find(({ plan }) => plan === "attention");
    expect(attention).toMatchObject({
      model: "mixtral",
      control: "random",
      grid: "rounded",
      calibration: "draw",
      seed: 0,
    });
    expect(attention.averageBits).toBeCloseTo(2.1714, 4);
    expect(attention.metrics.kl.windows).toHaveLength(3);
    const float = cells.find(({ plan }) => plan === "float");
    expect(float.metrics.kl.mean).toBeLessThan(1e-6);
    expect(attention.metrics.kl.mean).toBeGreaterThan(0.01);
    const [a, b] = cells.filter(({ plan }) => plan === "random");
    expect(a.metrics.kl.mean).not.toBe(b.metrics.kl.mean);
    expect(Math.abs(a.trueBytes - b.trueBytes)).toBeLessThan(100); // digits of offsets
    expect(new Set(cells.map(({ key }) => key)).size).toBe(5);
  });

  it("tells of the float model's blocks and outliers", () => {
    const float = whole.map((line) => JSON.parse(line)).find(({ plan }) => plan === "float");
    const layers = float.experts.map(({ layer }: { layer: number }) => layer);
    expect(float.blocks.map(({ layer }: { layer: number }) => layer)).toEqual([...new Set(layers)]);
    for (const { importance } of float.blocks) expect(importance > 0 && importance < 1).toBe(true);
    const kinds = float.outliers.map(({ role, projection }: Record<string, string>) => `${role} ${projection}`);
    expect(new Set(kinds).size * float.blocks.length).toBe(float.outliers.length);
    // The largest of a column is never below its mean.
    for (const { score } of float.outliers) expect(score).toBeGreaterThan(1);
  });

  it("tells bits and bytes before, where they follow from shapes, as they come to be", () => {
    const sizeOf = ({ key, averageBits, trueBytes }: Record<string, unknown>) => ({ key, averageBits, trueBytes });
    const told = folder.cells(CONFIG);
    const found = new Map(whole.map((line) => JSON.parse(line)).map((cell) => [cell.key, cell]));
    const statistics = told.filter(({ plan }) => plan === "frequency").map(sizeOf);
    expect(statistics).toEqual([{ key: statistics[0].key, averageBits: null, trueBytes: null }]);
    const others = told.filter(({ plan }) => plan !== "frequency");
    expect(others.map(sizeOf)).toEqual(others.map(({ key }) => sizeOf(found.get(key))));
    const { stdout } = sweep("--dry-run", "--quiet");
    expect(stdout).toMatch(/attention +attention:4,base:2 +rounded +draw +0 +2\.1714 +4193640\n/);
    expect(stdout).toMatch(/frequency .* - +-\n/);
    expect(stdout).toContain("5 cells");
  });

  it("notes in a dry run what cannot be planned, and lists the rest", () => {
    const plans = [CONFIG.plans[1], { name: "broken", policy: "attention:4,base:2+first:99@4" }];
    const { status, stdout, stderr } = quern(["sweep", folder.write("dry.json", { ...CONFIG, plans }), "--dry-run"]);
    expect(status).toBe(0);
    expect(stderr).toContain(
      "mixtral broken rounded draw seed 0: policy attention:4,base:2+first:99@4: found first:99",
    );
    expect(stdout).toContain("4 cells");
  });

  it("ends with the same content when killed again and again, with two jobs", async () => {
    const output = folder.at("killed.jsonl");
    const lines = () => (existsSync(output) ? readFileSync(output, "utf8").split("\n").length - 1 : 0);
    for (let kill = 0; kill < 3; kill++) {
      const before = lines();
      const main = repositoryFile("dist/cli/main.js");
      const child = spawn(process.execPath, [main, "sweep", path, "--output", output, "--jobs", "2", "--quiet"]);
      const ended = new Promise((resolve) => child.on("close", resolve));
      while (lines() <= before && child.exitCode === null) await new Promise((resolve) => setTimeout(resolve, 20));
      child.kill("SIGKILL");
      await ended;
    }
    expect(sweep("--output", output, "--jobs", "2", "--quiet").status).toBe(0);
    expect(contentOf(output)).toEqual(whole);
    // Nothing is left to do, and nothing is done twice.
    expect(sweep("--output", output, "--quiet").status).toBe(0);
    expect(contentOf(output)).toEqual(whole);
  }, 90_000);

  it("refuses a second sweep of the same output while one runs, and goes on once that was killed", async () => {
    const output = folder.at("twice.jsonl");
    const args = ["sweep", path, "--output", output, "--only", "mixtral float", "--jobs", "1", "--quiet"];
    const first = spawn(process.execPath, [repositoryFile("dist/cli/main.js"), ...args]);
    const ended = new Promise((resolve) => first.on("close", resolve));
    while (!existsSync(`${output}.cache`)) await new Promise((resolve) => setTimeout(resolve, 5));
    const { status, stderr } = quern(args);
    first.kill("SIGKILL");
    await ended;
    expect(status).toBe(2);
    expect(stderr).toContain(`USAGE: ${output}: found process ${first.pid} at work on it, expected one at a time`);
    expect(existsSync(`${output}.lock`)).toBe(true);
    expect(quern(args).status).toBe(0);
    expect(existsSync(`${output}.lock`)).toBe(false);
    expect(contentOf(output)).toHaveLength(1);
  }, 60_000);

  it("gives another key to another input, and the same to another name", () => {
    const first = folder.keys(CONFIG);
    expect(folder.keys({ ...CONFIG, models: [{ name: "renamed", path: MODEL }] })).toEqual(first);
    expect(folder.keys({ ...CONFIG, sampleTokens: 2048 })).toEqual(first); // as by default
    const labels = { strategy: "by hand", family: "some", competesAt: [{ menu: [2, 4], budget: 2.6 }] };
    expect(folder.keys({ ...CONFIG, plans: CONFIG.plans.map((plan) => ({ ...plan, ...labels })) })).toEqual(first);
    const other = (change: object) => folder.keys({ ...CONFIG, ...change });
    expect(other({ grids: [{ name: "rounded", method: "rtn", clip: "mse" }] }).slice(1)).not.toEqual(first.slice(1));
    expect(other({ calibration: [{ name: "draw", idsFile: "draw.json", windows: [0, 1] }] })[1]).not.toBe(first[1]);
    expect(other({ metrics: [{ ...CONFIG.metrics[0], window: 48 }] })[0]).not.toBe(first[0]);
    expect(other({ sampleTokens: 1024 })[1]).not.toBe(first[1]);
  });

  it.each<[string, object, string]>([
    ["an unknown field", { plan: [] }, "field plan: found no such field, expected plans or another of models"],
    ["a missing one", { plans: undefined }, "field plans: found nothing, expected it to be there"],
    ["a wrong value", { grids: [{ name: "g", clip: "best" }] }, 'found "best", expected none, mse, hessian or auto'],
    [
      "an unknown field inside",
      { grids: [{ name: "g", groupsize: 32 }] },
      "field grids.0.groupsize: found no such field, expected groupSize",
    ],
    ["a name twice", { plans: [CONFIG.plans[0], CONFIG.plans[0]] }, 'field plans: found the name "attention" twice'],
    [
      "a control that is none",
      { plans: [CONFIG.plans[0]] },
      'plan attention: found a reference to "random", expected one of attention',
    ],
  ])("refuses a configuration with %s", (_, change, sentence) => {
    const { status, stderr } = quern(["sweep", folder.write("bad.json", { ...CONFIG, ...change }), "--dry-run"]);
    expect(status).toBe(1);
    expect(stderr).toContain("FORMAT");
    expect(stderr).toContain(sentence);
  });

  it("publishes the schema that it checks with", () => {
    const published = readFileSync(repositoryFile("schema/sweep.schema.json"), "utf8");
    expect(JSON.parse(published)).toEqual({ title: "quern sweep", ...toJsonSchema(SWEEP_SCHEMA) });
    expect(JSON.parse(published).properties).toHaveProperty("plans");
  });

  it("names the cells that fail and keeps the others", () => {
    const plans = [CONFIG.plans[0], { name: "broken", policy: "attention:4,base:2+first:99@4" }].map(
      ({ name, policy }) => ({ name, policy }),
    );
    const output = folder.at("partly.jsonl");
    const { status, stderr } = quern(["sweep", folder.write("partly.json", { ...CONFIG, plans }), "--output", output]);
    expect(status).toBe(1);
    expect(stderr).toContain("mixtral broken rounded draw seed 0: USAGE");
    expect(stderr).toContain("1 of 3 cells failed, the others are there");
    expect(contentOf(output)).toHaveLength(2);
  });
});
