/** What a written folder tells of how it was made, and of who loads it. */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { UsageError } from "../../../src/base/errors.ts";
import { shapesOfFiles } from "../../../src/compress/recipe/model-shapes.ts";
import { DEFAULT_GRID, LOW_BIT_GRID, type QuantizeSettings } from "../../../src/compress/recipe/settings.ts";
import { heldMatrices } from "../../../src/compress/result/quantized.ts";
import { checkPortable, portableNames, readersOf } from "../../../src/compress/write/readers.ts";
import { writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { llama } from "../../../src/model/config/families/dense/llama.ts";
import { deepseek } from "../../../src/model/config/families/moe/deepseek.ts";
import { mixtral } from "../../../src/model/config/families/moe/mixtral.ts";
import type { Model } from "../../../src/model/model.ts";
import { openFloat } from "../../helpers/quantized.ts";

let model: Model;
beforeAll(async () => {
  model = await openFloat("fable-mixtral");
});
afterAll(() => model[Symbol.asyncDispose]());

/** config.json's settings, quantize_config.json and README of a folder without any quantised linear: only the words matter. */
async function written(change: Partial<QuantizeSettings>) {
  const output = memoryOutput("out");
  const settings = { ...LOW_BIT_GRID, ...change, modules: new Map() };
  await writeQuantized(
    model.files,
    { matrices: heldMatrices(new Map()), modules: [], starved: [] },
    { settings, output },
  );
  const text = (name: string) => new TextDecoder().decode(output.files.get(name));
  const config = JSON.parse(text("config.json")).quantization_config;
  expect(JSON.parse(text("quantize_config.json"))).toEqual(config);
  return { meta: config.meta as Record<string, unknown>, readme: text("README.md") };
}

describe("a written folder", () => {
  it.each<[Partial<QuantizeSettings>, Record<string, unknown>, string]>([
    [{ shrinkage: 3 }, { shrinkage: 3 }, "shrinkage 3"],
    [{ errorFeedback: 0.25 }, { error_feedback: 0.25 }, "error feedback 0.25"],
    [{ gateWeighted: true }, { gate_weighted: true }, "gate-weighted"],
    [{ deadColumns: "zero" }, { dead_columns: "zero" }, "dead columns zero"],
    [{ actOrder: "none" }, { act_order: "none", act_group_aware: false }, "act-order none"],
    [{ staticGroups: true }, { static_groups: true }, "static groups"],
    [{ clip: "mse" }, { clip: "mse" }, "clip search mse"],
    [{ dampPercent: 0.02 }, { damp_percent: 0.02 }, "damp 0.02"],
    [{ method: "rtn", clip: "mse" }, { method: "rtn" }, "method rtn"],
  ])("tells %o in its settings and in its README", async (change, meta, words) => {
    const [plain, changed] = [await written({}), await written(change)];
    expect(changed.meta).toMatchObject(meta);
    expect(changed.readme).toContain(words);
    expect(plain.readme).not.toContain(words);
    expect(changed.meta).not.toEqual(plain.meta);
  });

  it("tells the damping after a failure, which no README needs", async () => {
    expect((await written({})).meta).toMatchObject({ damp_auto_increment: 0.01 });
    expect((await written({ dampIncrement: 0.05 })).meta).toMatchObject({ damp_auto_increment: 0.05 });
  });

  it("names its readers", async () => {
    const output = memoryOutput("out");
    const nothing = { matrices: heldMatrices(new Map()), modules: [], starved: [] };
    const settings = { ...DEFAULT_GRID, modules: new Map() };
    await writeQuantized(model.files, nothing, { settings, output, names: "transformers" });
    const readme = new TextDecoder().decode(output.files.get("README.md"));
    expect(readme).toContain("- GPTQModel 7.7 loads it");
    expect(readme).not.toContain("refuses");
    expect((await written({})).readme).toContain("- GPTQModel 7.7 refuses these expert names");
  });
});

describe("portable", () => {
  it("takes the names that GPTQModel loads, and refuses others", () => {
    expect(portableNames(mixtral, undefined)).toBe("transformers");
    expect(portableNames(mixtral, "transformers")).toBe("transformers");
    expect(() => portableNames(mixtral, "hub")).toThrow(UsageError);
    expect(() => portableNames(mixtral, "hub")).toThrow("portable with --names hub, expected --names transformers");
  });

  it("takes either spelling where both are one, and says what the model itself needs", () => {
    expect(portableNames(deepseek, "hub")).toBe("hub");
    const granite = { ...mixtral, modelType: "granitemoe" };
    expect(() => portableNames(granite, undefined)).toThrow("found portable with granitemoe, expected native");
    expect(readersOf(granite, "transformers")[0]).toContain("only Quern loads this folder");
    expect(readersOf(deepseek, "transformers")[0]).toContain("knows no model type deepseek");
    expect(readersOf(llama, "hub").join("; ")).not.toContain("experts");
  });

  it("refuses a packed embedding, and outputs that fill no whole words", () => {
    const packed = (name: string, bits: 3 | 8) => new Map([[name, { bits, groupSize: 32 } as const]]);
    const shapes = shapesOfFiles(model.files);
    const odd = { ...shapes, config: { ...shapes.config, vocabSize: 4099 } };
    expect(() => checkPortable(shapes, packed("model.embed_tokens", 8))).toThrow("8 in the portable profile");
    expect(() => checkPortable(odd, packed("lm_head", 8))).toThrow("since its 4099 outputs are not a multiple of 4");
    checkPortable(shapes, packed("lm_head", 3));
    checkPortable(shapes, new Map());
  });
});
