/** Heads and embeddings that are stored as codes: the logits are those of the same values as floats. */
import { describe, expect, it } from "vitest";
import type { FolderSource } from "../../../src/files/source.ts";
import { tensorOf } from "../../../src/format/safetensors-writer.ts";
import { Model, type OpenOptions, readModelFiles } from "../../../src/model/model.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { BUILDS } from "../../helpers/kernels.ts";
import { type Packing, packedFolders } from "../../helpers/packed-folder.ts";
import { allLogits, largestDifference, rms } from "../cases.ts";

const FIXTURE = "test/fixtures/families/deepseek-f16";
const [HEAD, EMBEDDING] = ["lm_head", "model.embed_tokens"];
const IDS = [5, 80, 3, 200, 11, 42, 7, 319, 0, 16];

async function logitsOf(folder: FolderSource, options: OpenOptions, kernels?: "base" | "relaxed") {
  await using model = await Model.open(await readModelFiles(folder), await createMachine({ kernels }), options);
  return await allLogits(model, IDS);
}

const EACH: readonly Packing[] = [
  { bits: 2, groupSize: 32 },
  { bits: 3, groupSize: 64 },
  { bits: 4, groupSize: 32 },
  { bits: 4, groupSize: 32, scattered: true },
  { bits: 8, groupSize: -1 },
];

describe("a packed head", () => {
  it.each(EACH)("of $bits bits in groups of $groupSize gives the logits of its values", async (packing) => {
    const { packed, float } = await packedFolders(FIXTURE, { packings: { [HEAD]: packing } });
    const expected = await logitsOf(float, { activations: "f32" });
    const found = await logitsOf(packed, { activations: "f32" });
    // Columns in another order are summed in that order.
    if (packing.scattered) expect(largestDifference(found, expected)).toBeLessThan(1e-4);
    else expect(found).toEqual(expected);
  });

  it("reads its input as int16 in the integer modes, with the same bits in both builds", async () => {
    const { packed, float } = await packedFolders(FIXTURE, { packings: { [HEAD]: { bits: 4, groupSize: 64 } } });
    const expected = await logitsOf(float, { activations: "f32" });
    const found = await logitsOf(packed, { activations: "int16" }, "base");
    expect(largestDifference(found, expected)).toBeGreaterThan(0);
    expect(largestDifference(found, expected) / rms(expected)).toBeLessThan(1e-3);
    // The blocks of both folders are float, and int8 rounds their inputs alike.
    const rounded = await logitsOf(float, { activations: "int8" });
    const int8 = await logitsOf(packed, { activations: "int8" }, "base");
    expect(largestDifference(int8, rounded) / rms(expected)).toBeLessThan(1e-3);
    for (const build of BUILDS) expect(await logitsOf(packed, { activations: "int8" }, build)).toEqual(int8);
  });

  it("that `lm_head: true` announces follows the folder's settings", async () => {
    const { packed } = await packedFolders(FIXTURE, {
      packings: { [HEAD]: { bits: 4, groupSize: 64 } },
      settings: { bits: 4, group_size: 64, sym: false, checkpoint_format: "gptq_v2", lm_head: true },
    });
    const files = await readModelFiles(packed);
    expect(files.linears.find(({ role }) => role === "head")?.stored).toMatchObject({ bits: 4, groupSize: 64 });
    const wrong = { bits: 8, group_size: 64, sym: false, checkpoint_format: "gptq_v2", lm_head: true };
    const other = await packedFolders(FIXTURE, { packings: { [HEAD]: { bits: 4, groupSize: 64 } }, settings: wrong });
    await expect(readModelFiles(other.packed)).rejects.toThrow("lm_head: found tensors of 4 bits, expected 8");
  });

  it("is used even where the configuration ties the head", async () => {
    const config = { tie_word_embeddings: true };
    const { packed, float } = await packedFolders(FIXTURE, {
      packings: { [HEAD]: { bits: 4, groupSize: 64 } },
      config,
    });
    expect((await readModelFiles(packed)).config.tiedEmbeddings).toBe(false);
    expect(await logitsOf(packed, { activations: "f32" })).toEqual(await logitsOf(float, { activations: "f32" }));
  });
});

describe("a packed embedding", () => {
  it.each(EACH)("of $bits bits in groups of $groupSize gives the hidden states of its values", async (packing) => {
    const { packed, float } = await packedFolders(FIXTURE, { packings: { [EMBEDDING]: packing } });
    const expected = await logitsOf(float, { activations: "f32" });
    expect(await logitsOf(packed, { activations: "f32" })).toEqual(expected);
    expect(await logitsOf(packed, { activations: "int8" })).toEqual(await logitsOf(float, { activations: "int8" }));
  });

  it.each([4, 8] as const)("of %i bits is also the head of a tied model, from the same panels", async (bits) => {
    const tied = {
      packings: { [EMBEDDING]: { bits, groupSize: 64 } },
      ...{ without: ["lm_head.weight"], config: { tie_word_embeddings: true } },
    };
    const { packed, float } = await packedFolders(FIXTURE, tied);
    expect(await logitsOf(packed, { activations: "f32" })).toEqual(await logitsOf(float, { activations: "f32" }));
    await using model = await Model.open(await readModelFiles(packed), await createMachine());
    expect(model.weights.head).toBe(model.weights.embedding);
  });
});

describe("biases of zeros beside codes", () => {
  const packings = { "model.layers.0.self_attn.q_proj": { bits: 4, groupSize: 64 } } as const;
  const bias = (value: number) =>
    tensorOf("model.layers.0.self_attn.q_proj.bias", "F16", [64], new Uint16Array(64).fill(value));

  it("are left out, as AutoGPTQ wrote them for linears without one", async () => {
    const plain = await packedFolders(FIXTURE, { packings });
    const { packed } = await packedFolders(FIXTURE, { packings, extra: [bias(0)] });
    expect(await logitsOf(packed, { activations: "f32" })).toEqual(
      await logitsOf(plain.packed, { activations: "f32" }),
    );
  });

  it("with other values are refused by name", async () => {
    const { packed } = await packedFolders(FIXTURE, { packings, extra: [bias(0x3c00)] });
    await expect(logitsOf(packed, {})).rejects.toThrow("q_proj.bias: found a bias with values other than zero");
  });
});
