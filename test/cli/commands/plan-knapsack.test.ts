import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern } from "../quern.ts";

const MODEL = repositoryFile("test/fixtures/families/deepseek-f16");
/** Its experts are 40 wide: no multiple of 32, so whole rows share a scale. */
const GROUP = ["--group-size", "row"];
let folder: string;
let ids: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "quern-knapsack-"));
  ids = join(folder, "ids.json");
  const windows = Array.from({ length: 4 }, (_, w) => Array.from({ length: 40 }, (_, i) => (w * 77 + i * 31) % 320));
  writeFileSync(ids, JSON.stringify({ windows }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const run = (...args: readonly string[]) => {
  const { status, stdout, stderr } = quern([...args, "--json", "--quiet"]);
  return { status, stderr, document: JSON.parse(stdout) };
};

describe("policy knapsack", () => {
  it("measures what the statistics lack, keeps it there, and plans to the byte", () => {
    const model = repositoryFile("models/fable-mixtral");
    const stats = join(folder, "stats.safetensors");
    const few = join(folder, "few.json");
    writeFileSync(few, JSON.stringify({ windows: [Array.from({ length: 48 }, (_, i) => (i * 37) % 4096)] }));
    expect(run("calibrate", model, "--ids-file", few, "--output", stats).status).toBe(0);
    const before = statSync(stats).size;
    const plan = join(folder, "plan.json");
    const curve = join(folder, "curve.json");
    const budget = ["--policy", "knapsack", "--stats", stats, "--sample-tokens", "48"];
    const first = run(
      "plan",
      model,
      ...budget,
      "--budget",
      "5MB",
      "--ids-file",
      few,
      "--curve",
      curve,
      "--output",
      plan,
    );
    expect(first).toMatchObject({ status: 0, document: { policy: "knapsack" } });
    expect(first.document.trueBytes).toBeLessThanOrEqual(5_000_000);
    expect(first.document.trueBytes).toBeGreaterThan(4_990_000);
    expect(statSync(stats).size).toBeGreaterThan(before);
    expect(JSON.parse(readFileSync(curve, "utf8")).length).toBeGreaterThan(20);
    expect(JSON.parse(readFileSync(plan, "utf8"))).toMatchObject({ predictedKl: first.document.predictedKl });
    // No tokens this time: the damages are in the file.
    const again = run("plan", model, ...budget, "--budget", "3.5", "--freeze", "self_attn@8", "--min-bits", "2");
    expect(again.document.averageBits).toBeLessThanOrEqual(3.5);
    expect(again.document.resolved["model.layers.0.self_attn.q_proj"]).toBe(8);
    const output = join(folder, "written");
    expect(run("quantize", model, "--plan", plan, "--ids-file", few, "--output", output).status).toBe(0);
    expect(statSync(join(output, "model.safetensors")).size).toBe(first.document.trueBytes);
    const config = JSON.parse(readFileSync(join(output, "quantize_config.json"), "utf8"));
    expect(config).toMatchObject({ sym: false, checkpoint_format: "gptq_v2" });
  });

  it.each<[readonly string[], string]>([
    [["--budget", "3"], "policy knapsack: found no measured damages, expected damages measured as"],
    [[], "policy knapsack: found no budget, expected a budget, such as --budget 3.0 or --budget 5.2MB"],
    [["--budget", "1kB", "--ids-file", "IDS"], "budget: found 1000 bytes, expected at least"],
    [["--budget", "3", "--ids-file", "IDS", "--freeze", "q_proj"], '--freeze: found "q_proj", expected REGEX@BITS'],
    [
      ["--budget", "3", "--ids-file", "IDS", "--freeze", "nothing@4"],
      '--freeze: found "nothing@4", expected a pattern',
    ],
  ])("refuses %j", (options, sentence) => {
    const given = options.map((word) => (word === "IDS" ? ids : word));
    const { status, document } = run(
      "plan",
      MODEL,
      "--policy",
      "knapsack",
      ...GROUP,
      ...given,
      "--sample-tokens",
      "40",
    );
    expect(status).toBe(2);
    expect(document).toMatchObject({ error: { code: "USAGE", message: expect.stringContaining(sentence) } });
    expect(existsSync(join(folder, "plan2.json"))).toBe(false);
  });

  it("plans with refined damages", () => {
    const experts = repositoryFile("test/fixtures/families/olmoe-clip-bf16");
    const two = join(folder, "two.json");
    const window = Array.from({ length: 40 }, (_, i) => (i * 37) % 64);
    writeFileSync(two, JSON.stringify({ windows: [window, window.slice(0, 24).reverse()] }));
    const given = [
      "--policy",
      "knapsack",
      "--budget",
      "3",
      "--ids-file",
      two,
      "--sample-tokens",
      "40",
      "--group-size",
      "32",
    ];
    const [plain, refined] = [[], ["--refine"]].map((more) => run("plan", experts, ...given, ...more));
    expect(refined).toMatchObject({ status: 0, document: { policy: "knapsack" } });
    expect(refined.document.averageBits).toBeLessThanOrEqual(3);
    expect(refined.document.predictedKl).not.toBe(plain.document.predictedKl);
  });

  it("is the only policy with damages to refine", () => {
    for (const command of ["plan", "quantize"]) {
      const output = ["--output", join(folder, "refined")];
      const { document } = run(
        command,
        MODEL,
        "--policy",
        "uniform:4",
        "--refine",
        ...output,
        "--ids-file",
        ids,
        ...GROUP,
      );
      const message = "--refine: found policy uniform:4, expected policy knapsack, to which this option applies";
      expect(document).toMatchObject({ error: { message } });
    }
  });

  it("draws its curve by itself only", () => {
    const { document } = run("plan", MODEL, "--policy", "uniform:4", "--curve", join(folder, "c.json"), ...GROUP);
    expect(document).toMatchObject({ error: { message: "--curve: found policy uniform:4, expected policy knapsack" } });
  });
});

describe("policy predictor", () => {
  it("takes the scores that calibrate --predictor has learned", () => {
    const model = repositoryFile("models/fable-mixtral");
    const few = join(folder, "predict.json");
    const window = (w: number) => Array.from({ length: 24 }, (_, i) => (w * 501 + i * 37) % 4096);
    writeFileSync(few, JSON.stringify({ windows: [0, 1, 2].map(window) }));
    const stats = join(folder, "predicted.safetensors");
    const found = run("calibrate", model, "--ids-file", few, "--predictor", "--output", stats);
    expect(found.status).toBe(0);
    const scores = found.document.blocks.map(({ predicted }: { predicted: number }) => predicted);
    expect(scores).toHaveLength(6);
    expect(scores.every((score: number) => score > -1 && score < 1)).toBe(true);
    const plan = run("plan", model, "--policy", "attention:4,base:2+predictor:2@4", "--stats", stats);
    expect(plan.document.averageBits).toBeCloseTo(2.781, 3);
    const lowest = scores.indexOf(Math.min(...scores));
    expect(plan.document.resolved[`model.layers.${lowest}.block_sparse_moe.experts.0.w1`]).toBe(4);
  });
});
