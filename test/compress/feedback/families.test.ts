/** Error feedback knows what a family does with the outputs that it refits: factors on branches, and gates of shared experts. */
import { describe, expect, it } from "vitest";
import type { FloatBlocks } from "../../../src/compress/feedback/float-run.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { compare } from "../../../src/eval/compare/compare.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { MADE_FAMILIES, madeFamilyFolder } from "../../helpers/made-family.ts";
import { matricesOf, writeFolder } from "../../helpers/quantized.ts";
import { mulberry32 } from "../../helpers/random.ts";

describe.each(["granitemoeshared", "qwen2_moe with alternating windows", "deepseek with biases"])("%s", (name) => {
  it("comes closer to the float model on the tokens of the fit", async () => {
    const files = await readModelFiles(await madeFamilyFolder(MADE_FAMILIES[name]));
    await using model = await Model.open(files, await createMachine(), { activations: "f32" });
    const random = mulberry32(3);
    const windows = Array.from({ length: 24 }, () => Array.from({ length: 64 }, () => Math.floor(random() * 96)));
    const kl = async (errorFeedback: number) => {
      const settings = { ...DEFAULT_GRID, errorFeedback, shrinkage: 0.5, modules: uniformModules(files, 3, 32) };
      const quantized = await quantizeModel(model, settings, { windows });
      const folder = await writeFolder(model, quantized, settings);
      await using read = await Model.open(await readModelFiles(folder), await createMachine(), { activations: "f32" });
      return (await compare(read, model, { windows: windows.slice(0, 8) })).kl.mean;
    };
    const [plain, fed] = [await kl(0), await kl(0.7)];
    expect(fed).toBeLessThan(0.7 * plain);
  });

  it("gives the same bits from blocks of the float model that another run has kept", async () => {
    const files = await readModelFiles(await madeFamilyFolder(MADE_FAMILIES[name]));
    await using model = await Model.open(files, await createMachine(), { activations: "f32" });
    const random = mulberry32(4);
    const window = Array.from({ length: 64 }, () => Math.floor(random() * 96));
    const blocks = new KeptBlocks();
    const run = async (bits: 2 | 3, floatBlocks?: FloatBlocks) => {
      const settings = { ...DEFAULT_GRID, errorFeedback: 0.7, modules: uniformModules(files, bits, 32) };
      return matricesOf(await quantizeModel(model, settings, { windows: [window], floatBlocks }));
    };
    const expected = await run(2);
    await run(3, blocks);
    const layers = model.weights.layers.map((_, layer) => layer);
    expect(blocks.saved.splice(0)).toEqual(layers);
    expect(await run(2, blocks)).toEqual(expected);
    expect(blocks.saved).toEqual([]);
    blocks.results.delete(1);
    expect(await run(2, blocks)).toEqual(expected);
    expect(blocks.saved).toEqual([1]);
  });
});

class KeptBlocks implements FloatBlocks {
  readonly results: Map<number, Float32Array> = new Map();
  /** Layers in the order in which they were kept. */
  readonly saved: number[] = [];

  async load(layer: number, length: number): Promise<Float32Array | undefined> {
    const found = this.results.get(layer);
    if (found !== undefined) expect(found).toHaveLength(length);
    return found;
  }

  async save(layer: number, results: Float32Array): Promise<void> {
    this.results.set(layer, results.slice());
    this.saved.push(layer);
  }
}
