/** Error feedback knows what a family does with the outputs that it refits: factors on branches, and gates of shared experts. */
import { describe, expect, it } from "vitest";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { DEFAULT_GRID, uniformModules } from "../../../src/compress/recipe/settings.ts";
import { compare } from "../../../src/eval/compare/compare.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { MADE_FAMILIES, madeFamilyFolder } from "../../helpers/made-family.ts";
import { writeFolder } from "../../helpers/quantized.ts";
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
});
