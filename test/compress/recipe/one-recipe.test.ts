/** Library, command line and sweep take their defaults from one place: the same wish gives the same bytes. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { wholeGrids } from "../../../src/cli/sweep/cell-grid.ts";
import { chooseGrid, type GridWish } from "../../../src/compress/recipe/choose-grid.ts";
import { DEFAULT_GRID, LOW_BIT_GRID, STUDY_GRID } from "../../../src/compress/recipe/settings.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";
import { plan, quantize, selfSample } from "../../../src/quantize.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const SELF = { samples: 2, length: 24 };
const MODEL = repositoryFile("models/fable-mixtral");
const folder = mkdtempSync(join(tmpdir(), "quern-recipe-"));
let model: LanguageModel;
beforeAll(async () => {
  model = await loadModel(MODEL, { activations: "f32" });
});
afterAll(async () => {
  await model[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

/** The weight file that the command writes for these options. */
function byCommand(name: string, ...options: readonly string[]): Buffer {
  const output = join(folder, name);
  const args = ["quantize", MODEL, "--output", output, "--samples", "2", "--length", "24", ...options];
  const { status, stderr } = spawnSync(process.execPath, [repositoryFile("dist/cli/main.js"), ...args, "--quiet"], {
    encoding: "utf8",
  });
  expect(`${status} ${status === 0 ? "" : stderr}`).toBe("0 ");
  return readFileSync(join(output, "model.safetensors"));
}

describe("quantize", () => {
  it.each([
    ["3 bits", { bits: 3, self: SELF }, ["--bits", "3", "--self"]],
    ["nothing said", { self: SELF }, ["--self"]],
    ["the study's preset", { bits: 2, preset: "study", self: SELF }, ["--bits", "2", "--preset", "study", "--self"]],
    [
      "a policy, damping and a seed",
      { policy: "attention:4,base:2+random-linears:10%@8", dampPercent: 0.02, seed: 5, self: SELF },
      ["--policy", "attention:4,base:2+random-linears:10%@8", "--damp", "0.02", "--seed", "5", "--self"],
    ],
    ["rounding", { bits: 3, method: "rtn" }, ["--bits", "3", "--method", "rtn"]],
  ] as const)("writes what the command writes: %s", async (name, options, args) => {
    const output = memoryOutput();
    const { written } = await quantize(model, { ...options, output });
    const bytes = output.files.get("model.safetensors") as Uint8Array;
    expect(written?.trueBytes).toBe(bytes.byteLength);
    expect(Buffer.compare(bytes, byCommand(name.replaceAll(" ", "-"), ...args))).toBe(0);
  });

  it("keeps blocks in a work folder, writes the same and removes them", async () => {
    const [plain, streamed] = [memoryOutput(), memoryOutput()];
    const work = memoryWorkFolder();
    await quantize(model, { bits: 3, self: SELF, output: plain });
    await quantize(model, { bits: 3, self: SELF, output: streamed, work });
    expect(await work.list()).toEqual([]);
    expect(streamed.files.get("model.safetensors")).toEqual(plain.files.get("model.safetensors"));
  });

  it("writes text of the model's own only once the settings are known to fit, and for methods that need it", async () => {
    const phases = new Set<string>();
    const onProgress = ({ phase }: { readonly phase: string }) => void phases.add(phase);
    await expect(quantize(model, { groupSize: 48, self: SELF, onProgress })).rejects.toThrow("group size: found 48");
    await quantize(model, { bits: 8, method: "rtn", clip: "none", self: SELF, onProgress });
    expect(phases).toEqual(new Set(["quantize"]));
  });

  it("gives the matrices where nothing is written", async () => {
    const { matrices, modules, written, settings } = await quantize(model, { bits: 4, self: SELF });
    expect(written).toBeUndefined();
    const [{ name }] = modules;
    expect(await matrices.get(name)).toMatchObject({ bits: 4, groupSize: settings.modules.get(name)?.groupSize });
  });

  it("refuses two sources of bits or of tokens, policies' options without one, and unknown names", async () => {
    const refused = (options: object) => quantize(model, options);
    await expect(refused({ bits: 3, policy: "uniform:3", self: SELF })).rejects.toThrow("found bits and policy");
    await expect(refused({ self: SELF, windows: [[1, 2]] })).rejects.toThrow("found windows and self");
    await expect(refused({ self: SELF, budget: 3 })).rejects.toThrow("budget: found no policy beside it");
    await expect(refused({ self: SELF, resume: true })).rejects.toThrow("resume: found no work folder");
    await expect(refused({ bits: 3 })).rejects.toThrow("calibration: found no tokens");
    await expect(refused({ bit: 3, self: SELF })).rejects.toThrow("bits");
  });
});

describe("plan", () => {
  it("measures what policy knapsack needs, within its budget", async () => {
    const windows = await selfSample(model, SELF);
    const found = await plan(model, {
      policy: "knapsack",
      budget: 4,
      windows,
      minBits: 3,
      freeze: ["self_attn@8"],
      sampleTokens: 24,
    });
    expect(found.averageBits).toBeLessThanOrEqual(4);
    const bits = Object.entries(found.resolved);
    expect(bits.filter(([name, width]) => name.includes("self_attn") && width !== 8)).toEqual([]);
    expect(bits.filter(([, width]) => width < 3)).toEqual([]);
    await expect(plan(model, { policy: "knapsack", budget: 3 })).rejects.toThrow("found no measured damages");
    await expect(plan(model, { policy: "knapsack" })).rejects.toThrow("no budget");
  });
});

describe("chooseGrid", () => {
  const at = (bits: 2 | 4, wish: GridWish = {}) => chooseGrid(new Map([["any", { bits, groupSize: 64 }]]), wish);

  it("is what a sweep takes for a grid of which nothing is told", () => {
    expect(wholeGrids({ name: "any" })).toEqual({ groupSize: 64, low: at(2), high: at(4) });
    expect(at(2)).toMatchObject({ ...LOW_BIT_GRID });
    expect(at(4)).toMatchObject({ ...DEFAULT_GRID, shrinkage: 0, errorFeedback: 0 });
    expect(at(2, { preset: "study" })).toMatchObject({ ...STUDY_GRID, shrinkage: 0, errorFeedback: 0 });
  });

  it("takes a damping that is asked for without shrinkage beside it, unless that is asked for too", () => {
    expect(at(2, { dampPercent: 0.1 })).toMatchObject({ dampPercent: 0.1, shrinkage: 0 });
    expect(at(2, { dampPercent: 0.1, shrinkage: 1 })).toMatchObject({ dampPercent: 0.1, shrinkage: 1 });
  });

  it("refuses a preset that there is not", () => {
    expect(() => at(2, { preset: "paper" as "study" })).toThrow("preset: found paper, expected study");
  });
});
