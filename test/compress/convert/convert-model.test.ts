import { describe, expect, it } from "vitest";
import { convertModel } from "../../../src/compress/convert/convert-model.ts";
import type { ConvertOptions } from "../../../src/compress/convert/write-folder.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { bytesSource, filesFolder } from "../../../src/files/source.ts";
import { openSafetensors } from "../../../src/format/safetensors.ts";
import { readTensor } from "../../../src/format/tensor-index.ts";
import { f16Value, roundedF16 } from "../../../src/tensor/float16.ts";
import { loadModel } from "../../../src/web.ts";
import { text, texts, u32 } from "../../helpers/gguf.ts";
import { type TinyArchitecture, type TinyOptions, tinyGguf } from "../../helpers/gguf-model.ts";
import { readNaive } from "../../reference/gguf-file.ts";

const IDS = [1, 5, 9, 40, 63, 2, 2, 17];
const TOKENIZER = {
  "tokenizer.ggml.model": text("gpt2"),
  "tokenizer.ggml.pre": text("gpt-2"),
  "tokenizer.ggml.tokens": texts([..."abcdefghijklmnopqrstuvwxyz0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", "ab", "<end>"]),
  "tokenizer.ggml.merges": texts(["a b"]),
  "tokenizer.ggml.eos_token_id": u32(63),
  "tokenizer.chat_template": text("{{ messages[0].content }}"),
};

async function converted(bytes: Uint8Array, options: Partial<ConvertOptions> = {}) {
  const output = memoryOutput();
  const result = await convertModel(filesFolder("model", { "m.gguf": bytes }), { output, ...options });
  return { ...result, files: Object.fromEntries(output.files) };
}

async function logitsOf(files: Readonly<Record<string, Uint8Array>>): Promise<Float32Array> {
  await using model = await loadModel(files, { activations: "f32" });
  return (await model.logits(IDS)).data;
}

const cases: readonly (readonly [TinyArchitecture, TinyOptions["type"]])[] = [
  ["deepseek", "F32"],
  ["deepseek", "Q4_0"],
  ["granitemoe", "Q8_0"],
  ["granitemoe", "F32"],
  ["llama", "Q5_0"],
  ["qwen2moe", "Q4_K"],
  ["mixtral", "Q3_K"],
  ["qwen3", "Q6_K"],
];

describe("convertModel", () => {
  it.each(cases)("writes a folder that computes the bits of %s in %s", async (architecture, type) => {
    const bytes = tinyGguf(architecture, { type });
    const folder = await converted(bytes);
    expect(await logitsOf(folder.files)).toEqual(await logitsOf({ "m.gguf": bytes }));
    expect(folder.bytes).toBe(folder.files["model.safetensors"].length);
    const config = JSON.parse(new TextDecoder().decode(folder.files["config.json"]));
    const hasCodes = type === "Q4_0" || type === "Q8_0" || type === "Q5_0";
    expect(config.quantization_config?.bits).toBe(hasCodes ? (type === "Q4_0" ? 4 : 8) : undefined);
    expect("quantize_config.json" in folder.files).toBe(hasCodes);
  });

  it.each(["f16", "f32"] as const)("writes all weights in %s", async (weights) => {
    const bytes = tinyGguf("qwen3", { type: "Q4_0" });
    const { files } = await converted(bytes, { weights });
    const { entries } = await openSafetensors(bytesSource("m", files["model.safetensors"]));
    const entry = entries.get("model.layers.1.mlp.down_proj.weight")!;
    const raw = new Uint8Array(entry.byteLength);
    await readTensor(entry, raw);
    const found =
      weights === "f32" ? new Float32Array(raw.buffer) : Float32Array.from(new Uint16Array(raw.buffer), f16Value);
    const { values } = readNaive(bytes).tensors.get("blk.1.ffn_down.weight")!;
    const round = (value: number) => (weights === "f32" ? value : f16Value(roundedF16(value)!));
    // Adding 0 makes every zero positive: a code in the middle times a negative scale is -0, to which the twin adds a minimum of 0.
    expect(found.map((value) => value + 0)).toEqual(Float32Array.from(values, (value) => round(value) + 0));
  });

  // transformers 5.24 leaves separate experts of Granite out, without an error.
  it("joins float experts of Granite, and leaves packed ones apart", async () => {
    const namesOf = async (weights: ConvertOptions["weights"]) => {
      const { files } = await converted(tinyGguf("granitemoe", { type: "Q8_0" }), { weights });
      const { entries } = await openSafetensors(bytesSource("m", files["model.safetensors"]));
      expect(await logitsOf(files)).toHaveLength(IDS.length * 64);
      return [...entries].filter(([name]) => name.startsWith("model.layers.0.block_sparse_moe")).map(([, at]) => at);
    };
    const joined = await namesOf("f32");
    expect(joined.map(({ name, shape }) => [name, shape.length])).toEqual([
      ["model.layers.0.block_sparse_moe.input_linear.weight", 3],
      ["model.layers.0.block_sparse_moe.output_linear.weight", 3],
      ["model.layers.0.block_sparse_moe.router.layer.weight", 2],
    ]);
    expect((await namesOf("exact")).some(({ name }) => name.endsWith("experts.0.gate_proj.qweight"))).toBe(true);
  });

  it("writes tokenizer, settings of generation and chat template", async () => {
    const { files } = await converted(tinyGguf("llama", { keys: TOKENIZER }));
    const read = (file: string) => JSON.parse(new TextDecoder().decode(files[file]));
    expect(read("config.json")).toMatchObject({
      architectures: ["LlamaForCausalLM"],
      eos_token_id: 63,
      torch_dtype: "float32",
    });
    expect(read("tokenizer_config.json")).toMatchObject({ chat_template: "{{ messages[0].content }}" });
    expect(read("generation_config.json")).toMatchObject({ eos_token_id: 63 });
    await using model = await loadModel(files);
    expect((await model.tokenizer()).encode("abba")).toEqual([62, 1, 0]);
  });

  it("divides weights among files with an index where one would be too large", async () => {
    const bytes = tinyGguf("qwen2", { type: "Q8_0" });
    const { files } = await converted(bytes, { shardBytes: 300_000 });
    const shards = Object.keys(files).filter((file) => /^model-\d{5}-of-\d{5}\.safetensors$/.test(file));
    expect(shards.length).toBeGreaterThan(2);
    expect(files["model.safetensors"]).toBeUndefined();
    expect(await logitsOf(files)).toEqual(await logitsOf({ "m.gguf": bytes }));
  });

  it("refuses folders without a GGUF file, and unknown options; nothing is written", async () => {
    const output = memoryOutput();
    const { files } = await converted(tinyGguf("llama"));
    await expect(convertModel(filesFolder("hf", files), { output })).rejects.toThrow("hf: found no GGUF file");
    const folder = filesFolder("model", { "m.gguf": tinyGguf("llama") });
    await expect(convertModel(folder, { output, weights: "f8" as "f16" })).rejects.toThrow("weights: found f8");
    await expect(convertModel(folder, { output, shards: 1 } as ConvertOptions)).rejects.toThrow("option shards");
    expect(output.files.size).toBe(0);
  });
});
