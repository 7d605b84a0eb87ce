import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import {
  DEFAULT_GRID,
  type ModuleSetting,
  quantizableLinears,
  uniformModules,
} from "../../../src/compress/recipe/settings.ts";
import type { Quantized } from "../../../src/compress/result/quantized.ts";
import { selfSample } from "../../../src/compress/windows/calibration-text.ts";
import { placeQuantized } from "../../../src/compress/windows/place-quantized.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { readGptqConfig, resolveModule } from "../../../src/format/gptq/gptq-config.ts";
import { readGptq } from "../../../src/format/gptq/gptq-reader.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { layerLinears, overlayOf } from "../../../src/model/weights/weight-tree.ts";
import { computeLogits } from "../../../src/runtime/logits.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { matricesOf } from "../../helpers/quantized.ts";

const IDS = [0, 430, 410, 258, 389, 12, 500, 1000, 77, 3000, 4, 5];

async function open(path: string, activations: "f32" | "int8" = "f32"): Promise<Model> {
  return Model.open(await readModelFiles(await nodeFolder(path)), await createMachine(), { activations });
}

/** Element by element, but without a matcher's cost for each. */
function sameBytes(found: ArrayBufferView, expected: ArrayBufferView): boolean {
  const bytes = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
  return bytes(found).equals(bytes(expected));
}

describe("quantizeModel", () => {
  let model: Model;
  let windows: readonly (readonly number[])[];
  let ground: Quantized | undefined;
  beforeAll(async () => {
    model = await open("models/fable-mixtral");
    windows = await selfSample(model, { samples: 8, length: 64, seed: 1 });
  });
  afterAll(() => model[Symbol.asyncDispose]());

  function mixed(): Map<string, ModuleSetting> {
    const setting = (role: string, projection: string): ModuleSetting =>
      role === "attention"
        ? projection === "o"
          ? { bits: 16, groupSize: -1 }
          : { bits: 4, groupSize: 64 }
        : { bits: projection === "down" ? 3 : 2, groupSize: 32 };
    return new Map(
      quantizableLinears(model.files).map(({ name, role, projection }) => [name, setting(role, projection)]),
    );
  }

  /** Logits of the model with its linears replaced by the codes as GPTQ returned them. */
  async function logitsOf(quantized: Quantized): Promise<Float32Array> {
    const { machine } = model;
    using memory = machine.arena.region();
    const matrices = await matricesOf(quantized);
    const weights = overlayOf(model.weights);
    for (const linear of weights.layers.flatMap(layerLinears)) {
      const matrix = matrices.get(linear.name);
      if (matrix !== undefined) linear.matrix = placeQuantized(machine, memory, linear.name, matrix);
    }
    return (await computeLogits(model.withWeights(weights), IDS)).data;
  }

  it("leaves the float model as it was", async () => {
    const before = (await computeLogits(model, IDS)).data;
    await quantizeModel(
      model,
      { ...DEFAULT_GRID, clip: "none" as const, modules: uniformModules(model.files, 4, 64) },
      { windows: windows.slice(0, 1) },
    );
    expect(sameBytes((await computeLogits(model, IDS)).data, before)).toBe(true);
  });

  it.each(["hub", "transformers"] as const)(
    "reads back what it wrote, bit for bit, in the %s spelling",
    async (names) => {
      const settings = { ...DEFAULT_GRID, clip: "none" as const, modules: mixed() };
      ground ??= await quantizeModel(model, settings, { windows });
      const quantized = ground;
      const output = memoryOutput("out");
      const written = await writeQuantized(model.files, quantized, { settings, output, names });
      expect(written.trueBytes).toBe(output.files.get("model.safetensors")?.byteLength);
      const folder = filesFolder("out", Object.fromEntries(output.files));
      const files = await readModelFiles(folder);
      expect(files.spelling).toBe(names);
      const config = await readGptqConfig(folder);
      for (const [index, linear] of files.linears.entries()) {
        const matrix = await quantized.matrices.get(model.files.linears[index].name);
        if (matrix === undefined) {
          if (linear.role !== "embedding") expect(resolveModule(config!, linear.name), linear.name).toBe("float");
          continue;
        }
        const { codes, scales, zeros } = await readGptq(files.index, linear, config);
        for (const [found, expected] of [
          [codes, matrix.codes],
          [scales, matrix.scales],
          [zeros, matrix.zeros],
        ] as const)
          expect(sameBytes(found, expected), linear.name).toBe(true);
      }
      await using reread = await Model.open(files, await createMachine(), { activations: "f32" });
      expect(sameBytes((await computeLogits(reread, IDS)).data, await logitsOf(quantized))).toBe(true);
    },
  );

  it("beats rounding on the calibration inputs of nearly every matrix", async () => {
    const settings = { ...DEFAULT_GRID, clip: "none" as const, modules: uniformModules(model.files, 2, 64) };
    const { modules } = await quantizeModel(model, settings, { windows, rtnLoss: true });
    const byGptq = modules.filter((module) => module.method === "gptq");
    const better = byGptq.filter((module) => (module.loss as number) < (module.rtnLoss as number));
    expect(better.length / byGptq.length).toBeGreaterThan(0.95);
    expect(modules).toHaveLength(168);
  });

  it("names starved experts and what was done for them", async () => {
    const settings = { ...DEFAULT_GRID, clip: "none" as const, modules: uniformModules(model.files, 4, 64) };
    const quantized = await quantizeModel(model, settings, { windows: [[0, 430, 410]] });
    const { starved, modules } = quantized;
    expect(starved.length).toBe(8 * 6);
    expect(modules).toHaveLength(168);
    expect([...(await matricesOf(quantized)).values()]).not.toContain(undefined);
    for (const { rtnLoss } of modules) expect(rtnLoss).toBeNull();
    const down = modules.find((module) => module.name.endsWith("experts.0.w2"));
    expect(down?.method).toBe("rtn");
    expect(down?.note).toMatch(/\d calibration tokens for 256 columns/);
  });

  it("is aborted by a timer", async () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(new Error("enough")), 100);
    const settings = { ...DEFAULT_GRID, modules: uniformModules(model.files, 2, 64) };
    await expect(quantizeModel(model, settings, { windows, signal: controller.signal })).rejects.toThrow("enough");
    const before = model.machine.arena.used;
    await computeLogits(model, IDS);
    expect(model.machine.arena.used).toBe(before);
  });

  it("rejects settings that do not fit, naming the module", async () => {
    const run = (setting: ModuleSetting) =>
      quantizeModel(model, { ...DEFAULT_GRID, modules: new Map([["model.layers.0.self_attn.q_proj", setting]]) });
    await expect(run({ bits: 5 as 4, groupSize: 64 })).rejects.toThrow("q_proj: bits: found 5");
    await expect(run({ bits: 4, groupSize: 128 })).rejects.toThrow("q_proj: group size: found 128");
    await expect(run({ bits: 4, groupSize: 64 })).rejects.toThrow("calibration: found no tokens");
  });
});
