import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { type Smoothing, smoothingFactors, smoothModel } from "../../../src/compress/smooth/smooth-model.ts";
import { writeSmoothed } from "../../../src/compress/smooth/write-smoothed.ts";
import { selfSample } from "../../../src/compress/windows/calibration-text.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { computeLogits } from "../../../src/runtime/logits.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { largestDifference, openModel } from "../../model/cases.ts";

const IDS = [0, 430, 410, 258, 389, 12, 500, 1000, 77, 3000, 4, 5];

describe.each(["fable-mixtral", "fable-deepseek"])("smoothModel of %s", (name) => {
  let model: Model;
  let windows: readonly (readonly number[])[];
  let searched: Smoothing;
  beforeAll(async () => {
    model = await openModel(`models/${name}`);
    windows = await selfSample(model, { samples: 4, length: 64, seed: 3 });
    searched = await smoothModel(model, windows, { activations: { bits: 4, group: "token" }, rows: 24 });
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it.each(["search", 0.5] as const)("leaves the logits as they were, alpha %s", async (alpha) => {
    const smoothing = alpha === "search" ? searched : await smoothModel(model, windows, { alpha, rows: 4 });
    const output = memoryOutput("smooth");
    const { bytes } = await writeSmoothed(model.files, smoothing, output);
    expect(output.files.get("model.safetensors")?.byteLength).toBe(bytes);
    const files = await readModelFiles(filesFolder("smooth", Object.fromEntries(output.files)));
    await using smooth = await Model.open(files, await createMachine());
    const [found, expected] = [await computeLogits(smooth, IDS), await computeLogits(model, IDS)];
    expect(largestDifference(found.data, expected.data)).toBeLessThanOrEqual(1e-4);
    expect(largestDifference(found.data, expected.data)).toBeGreaterThan(0);
  });

  it("rescales every kind of input", () => {
    const kinds = new Set(searched.sites.filter(({ alpha }) => alpha !== null).map(({ site }) => site));
    expect([...kinds].sort()).toEqual(["attention", "down", "mlp", "output"]);
    const { layers, moeLayers, experts, sharedWidth } = model.config;
    const downs = moeLayers.map((moe) => (moe ? experts + (sharedWidth > 0 ? 1 : 0) : 1));
    expect(searched.sites).toHaveLength(3 * layers + downs.reduce((a, b) => a + b));
  });

  it("finds an alpha with no more error than without smoothing, and less than alpha 0", async () => {
    const zero = await smoothModel(model, windows, { alpha: 0, activations: { bits: 4, group: "token" }, rows: 24 });
    const total = (sites: Smoothing["sites"], field: "error" | "plainError") =>
      sites.reduce((sum, site) => sum + site[field], 0);
    for (const [at, { error, plainError }] of searched.sites.entries()) {
      expect(error).toBeLessThanOrEqual(plainError);
      if (zero.sites[at].alpha === 0) expect(error).toBeLessThanOrEqual(zero.sites[at].error);
    }
    expect(total(searched.sites, "error")).toBeLessThan(0.9 * total(zero.sites, "error"));
    expect(total(searched.sites, "error")).toBeLessThan(0.9 * total(searched.sites, "plainError"));
  });

  it.each([
    [{ alpha: 1.5 }, "smooth: alpha: found 1.5, expected search, or a number from 0 to 1"],
    [{ weightBits: 5 as 4 }, "smooth: weight bits: found 5"],
    [{ weightGroup: 0 }, "smooth: weight group: found 0"],
    [{ rows: 0 }, "smooth: rows: found 0"],
    [{ activations: { bits: 6 as 4, group: 32 } }, "study activations: bits: found 6, expected 4 or 8"],
  ] as const)("refuses %j", async (options, sentence) => {
    await expect(smoothModel(model, windows, options)).rejects.toThrow(sentence);
  });
});

describe("smoothModel", () => {
  it("refuses quantised weights", async () => {
    const folder = await nodeFolder("test/fixtures/gptq-checkpoints/mixtral-b4-g64");
    await using model = await Model.open(await readModelFiles(folder), await createMachine());
    await expect(smoothModel(model, [[1, 2, 3]])).rejects.toThrow("expected a float model to smooth");
  });
});

describe("smoothingFactors", () => {
  it("follows max|x|^alpha / max|w|^(1 - alpha) up to one number, and shares factors between columns", () => {
    const site = { factorOf: Int32Array.of(0, 1, 2, 0), factors: 3 };
    const maxima = { x: Float32Array.of(16, 4, 0, 1), w: Float32Array.of(1, 1, 1, 4) };
    const factors = smoothingFactors(site, maxima, 0.5);
    expect(factors[0] / factors[1]).toBeCloseTo(Math.sqrt(16 / 4) / Math.sqrt(4 / 1));
    expect(factors[0] * factors[1]).toBeCloseTo(1);
    expect(factors[2]).toBe(1);
    const [a, b] = smoothingFactors(
      { factorOf: Int32Array.of(0, 1), factors: 2 },
      { x: Float32Array.of(9, 1), w: Float32Array.of(1, 1) },
      1,
    );
    expect([a, b].map((value) => Math.round(value * 1e6) / 1e6)).toEqual([3, 0.333333]);
  });
});
