/** Every family goes through every job: inspected, calibrated, planned, quantised, written and read again, smoothed, compared. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { plannedBytesOf } from "../../../src/compress/plan/plan-bytes.ts";
import { trainPredictor } from "../../../src/compress/predictor/predictor.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { shapesOfFiles } from "../../../src/compress/recipe/model-shapes.ts";
import {
  DEFAULT_GRID,
  type QuantizeSettings,
  quantizableLinears,
  uniformModules,
} from "../../../src/compress/recipe/settings.ts";
import type { Quantized } from "../../../src/compress/result/quantized.ts";
import { quantize } from "../../../src/compress/run/make-quantized.ts";
import { smoothModel } from "../../../src/compress/smooth/smooth-model.ts";
import { writeSmoothed } from "../../../src/compress/smooth/write-smoothed.ts";
import { calibrate } from "../../../src/compress/statistics/calibrate.ts";
import { readStatistics, writeStatistics } from "../../../src/compress/statistics/statistics-file.ts";
import { placeQuantized } from "../../../src/compress/windows/place-quantized.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { compare } from "../../../src/eval/compare/compare.ts";
import { saveReference } from "../../../src/eval/compare/save-reference.ts";
import { openReference } from "../../../src/eval/compare/saved-reference.ts";
import { memoryOutput, type OutputFile } from "../../../src/files/output.ts";
import { bytesSource, filesFolder } from "../../../src/files/source.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { SPELLINGS } from "../../../src/model/config/module-names.ts";
import { inspectModel, inspectShapes } from "../../../src/model/inspect.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { layerLinears, overlayOf } from "../../../src/model/weights/weight-tree.ts";
import { computeLogits } from "../../../src/runtime/logits.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { MADE_FAMILIES, madeFamilyFolder } from "../../helpers/made-family.ts";
import { matricesOf } from "../../helpers/quantized.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { firstDifference, largestDifference, rms } from "../../model/cases.ts";

function randomIds(count: number, vocab: number, seed: number): number[] {
  const random = mulberry32(seed);
  return Array.from({ length: count }, () => Math.floor(random() * vocab));
}

async function bytesOf(write: (file: OutputFile) => Promise<unknown>): Promise<Uint8Array> {
  const folder = memoryWorkFolder();
  const file = await folder.file("file");
  await write(file);
  await file.commit();
  return folder.files.get("file") as Uint8Array;
}

describe.each(Object.entries(MADE_FAMILIES))("%s", (_, json) => {
  let model: Model;
  let windows: readonly (readonly number[])[];
  let settings: QuantizeSettings;
  let quantized: Quantized;
  beforeAll(async () => {
    const files = await readModelFiles(await madeFamilyFolder(json));
    model = await Model.open(files, await createMachine(), { activations: "f32" });
    windows = [1, 2, 3].map((seed) => randomIds(48, model.config.vocabSize, seed));
    settings = { ...DEFAULT_GRID, modules: uniformModules(files, 4, 32) };
    quantized = await quantizeModel(model, settings, { windows });
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("quantises every linear but routers, gates, embedding and head", () => {
    expect(quantized.modules.map(({ name }) => name).sort()).toEqual([...settings.modules.keys()].sort());
    expect(quantized.modules).toHaveLength(quantizableLinears(model.files).length);
    for (const { loss, rtnLoss, name } of quantized.modules) {
      expect(loss, name).toBeGreaterThan(0);
      expect(rtnLoss ?? loss, name).toBeGreaterThan(0);
    }
  });

  it("is described with every element of its tensors", () => {
    const { index, config, names } = model.files;
    const elements = [...index.entries.values()].map(({ shape }) => shape.reduce((a, b) => a * b, 1));
    const { parameters, activeParameters } = inspectModel(model.files);
    expect(parameters).toBe(elements.reduce((a, b) => a + b, 0));
    expect(activeParameters).toBeLessThanOrEqual(parameters);
    const { modules: _, ...facts } = inspectModel(model.files);
    const { modules: __, ...shapes } = inspectShapes(names, config);
    expect({ ...shapes, trueBytes: facts.trueBytes, averageBits: 32 }).toEqual({ ...facts, averageBits: 32 });
  });

  it.each(SPELLINGS)("is read back from its folder bit for bit, in the %s spelling", async (names) => {
    const output = memoryOutput("out");
    const { trueBytes, averageBits } = await writeQuantized(model.files, quantized, { settings, output, names });
    const files = await readModelFiles(filesFolder("out", Object.fromEntries(output.files)));
    const facts = inspectModel(files);
    expect(facts.trueBytes).toBe(trueBytes);
    expect(plannedBytesOf(shapesOfFiles(model.files), settings.modules, names)).toBe(trueBytes);
    expect([averageBits, facts.averageBits]).toEqual([4, 4]);
    expect(facts.modules.map(({ shape }) => shape)).toEqual(
      inspectModel(model.files).modules.map(({ shape }) => shape),
    );
    await using read = await Model.open(files, await createMachine(), { activations: "f32" });
    const ids = windows[0];
    const found = (await computeLogits(read, ids)).data;
    expect(found.every(Number.isFinite)).toBe(true);
    expect(firstDifference(found, await logitsOf(ids))).toBe(-1);
  });

  /** Logits of the model with its linears replaced by the codes as GPTQ returned them. */
  async function logitsOf(ids: readonly number[]): Promise<Float32Array> {
    const { machine } = model;
    using memory = machine.arena.region();
    const matrices = await matricesOf(quantized);
    const weights = overlayOf(model.weights);
    for (const linear of weights.layers.flatMap(layerLinears)) {
      const matrix = matrices.get(linear.name);
      if (matrix !== undefined) linear.matrix = placeQuantized(machine, memory, linear.name, matrix);
    }
    return (await computeLogits(model.withWeights(weights), ids)).data;
  }

  it("is quantised at 2 bits with error feedback, statistics and a policy that names classes which it may not have", async () => {
    const statistics = await calibrate(model, windows);
    const { layers, moeLayers, experts } = model.config;
    expect(statistics.blocks.map(({ layer }) => layer)).toEqual([...Array(layers).keys()]);
    expect(statistics.experts).toHaveLength(moeLayers.filter((moe) => moe).length * experts);
    const bytes = await bytesOf((file) => writeStatistics(file, statistics));
    const reread = await readStatistics(bytesSource("s", bytes));
    expect([reread.experts, reread.blocks, reread.linears]).toEqual([
      ...[statistics.experts, statistics.blocks, statistics.linears],
    ]);
    const policy = "attention:4,dense:4,shared:8,base:2";
    const made = await quantize(model, { policy, statistics, windows, groupSize: 32 });
    expect(made.modules).toHaveLength(quantized.modules.length);
    expect(new Set(made.modules.map(({ bits }) => bits)).has(4)).toBe(true);
  });

  it("is smoothed without another function", async () => {
    const smoothing = await smoothModel(model, windows, { alpha: 0.5, rows: 16 });
    expect(smoothing.sites.some(({ alpha }) => alpha === 0.5)).toBe(true);
    const output = memoryOutput("smooth");
    await writeSmoothed(model.files, smoothing, output);
    const files = await readModelFiles(filesFolder("smooth", Object.fromEntries(output.files)));
    await using smooth = await Model.open(files, await createMachine());
    const [found, expected] = [await computeLogits(smooth, windows[0]), await computeLogits(model, windows[0])];
    const difference = largestDifference(found.data, expected.data) / rms(expected.data);
    expect(difference).toBeLessThanOrEqual(2e-3);
    expect(difference).toBeGreaterThan(0);
  });

  it("is compared with itself, and its blocks are scored by the predictor", async () => {
    const ids = windows.flat();
    const found = await compare(model, model, { ids, window: 48 });
    expect(found.kl.mean).toBeCloseTo(0, 9);
    expect(found.routing).toHaveLength(model.config.moeLayers.filter((moe) => moe).length);
    const { blocks } = await trainPredictor(model, windows, { hidden: 16, epochs: 1 });
    expect(blocks.map(({ layer }) => layer)).toEqual([...Array(model.config.layers).keys()]);
  });

  it("is saved as a reference, and read again", async () => {
    const bytes = await bytesOf((output) => saveReference(model, windows, { output }));
    await using reference = await openReference(bytesSource("r", bytes));
    const found = await compare(model, reference);
    expect(found.kl.mean).toBeLessThan(1e-6);
  });
});
