/** What a GGUF file says of its model, and what is refused by name because it might change what the model computes. */
import { describe, expect, it } from "vitest";
import { filesFolder } from "../../../src/files/source.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { f32, type GgufValue, text, u32 } from "../../helpers/gguf.ts";
import { floats, type TinyArchitecture, type TinyOptions, tinyGguf } from "../../helpers/gguf-model.ts";

async function opened(architecture: TinyArchitecture, options: TinyOptions = {}) {
  const files = await readModelFiles(filesFolder("model", { "m.gguf": tinyGguf(architecture, options) }));
  await files.index.close();
  return files;
}

const flag = (value: boolean): GgufValue => ({ type: "bool", value });

describe("configuration of a GGUF file", () => {
  const cases: readonly (readonly [TinyArchitecture, Readonly<Record<string, GgufValue>>, object])[] = [
    ["llama", {}, { model_type: "llama", tie_word_embeddings: false, rope_theta: 10_000 }],
    ["llama", { "llama.attention.sliding_window": u32(16) }, { model_type: "mistral", sliding_window: 16 }],
    ["mixtral", {}, { model_type: "mixtral", num_local_experts: 4, num_experts_per_tok: 2, intermediate_size: 256 }],
    ["mixtral", { "llama.expert_count": u32(4) }, { model_type: "mixtral" }],
    ["olmoe", { "olmoe.attention.clamp_kqv": f32(1.5) }, { norm_topk_prob: false, clip_qkv: 1.5 }],
    ["qwen3moe", {}, { norm_topk_prob: true }],
    ["qwen3moe", { "qwen3moe.expert_weights_norm": flag(false) }, { norm_topk_prob: false }],
    ["granitemoe", {}, { logits_scaling: 0.5, residual_multiplier: 0.75, tie_word_embeddings: true }],
    ["granitemoe", { "granitemoe.attention.scale": f32(0) }, { attention_multiplier: 0.125 }],
    [
      "qwen3",
      { "qwen3.rope.scaling.type": text("linear"), "qwen3.rope.scaling.factor": f32(4) },
      { rope_scaling: { rope_type: "linear", factor: 4 } },
    ],
    ["qwen3", { "qwen3.rope.scale_linear": f32(2) }, { rope_scaling: { rope_type: "linear", factor: 2 } }],
    [
      "qwen3",
      {
        "qwen3.rope.scaling.type": text("yarn"),
        "qwen3.rope.scaling.factor": f32(4),
        "qwen3.rope.scaling.original_context_length": u32(128),
      },
      { rope_scaling: { rope_type: "yarn", factor: 4, original_max_position_embeddings: 128 } },
    ],
    [
      "qwen2",
      { "tokenizer.ggml.eos_token_id": u32(3), "tokenizer.ggml.eot_token_id": u32(5) },
      { eos_token_id: [3, 5] },
    ],
  ];
  it.each(cases)("of %s with %o has the fields of Hugging Face", async (architecture, keys, fields) => {
    expect((await opened(architecture, { keys })).json).toMatchObject(fields);
  });

  it("takes a number for each layer where all are the same", async () => {
    const list = (values: readonly number[]): GgufValue => ({ type: "array", of: "u32", values });
    const { config } = await opened("llama", { keys: { "llama.attention.head_count_kv": list([2, 2]) } });
    expect(config.kvHeads).toBe(2);
    await expect(opened("llama", { keys: { "llama.attention.head_count_kv": list([2, 4]) } })).rejects.toThrow(
      "llama.attention.head_count_kv: found numbers that differ by layer",
    );
  });
});

describe("readModelFiles", () => {
  const bias = floats("blk.0.attn_norm.bias", [256], 0.1);
  const cases: readonly (readonly [string, TinyArchitecture, TinyOptions, string])[] = [
    [
      "architectures",
      "llama",
      { keys: { "general.architecture": text("bloom") } },
      "general.architecture: found bloom, expected one of llama",
    ],
    ["adapters", "llama", { keys: { "general.type": text("adapter") } }, "general.type: found adapter, expected model"],
    [
      "keys",
      "llama",
      { keys: { "llama.attention.logit_softcapping": f32(50) } },
      "llama.attention.logit_softcapping: found 50",
    ],
    [
      "scalings",
      "qwen2",
      { keys: { "qwen2.rope.scaling.type": text("longrope") } },
      "rope.scaling.type: found longrope",
    ],
    [
      "routings",
      "qwen2moe",
      { keys: { "qwen2moe.expert_gating_func": u32(2) } },
      "expert_gating_func: found 2, expected 1 (softmax)",
    ],
    [
      "widths of values",
      "llama",
      { keys: { "llama.attention.value_length": u32(32) } },
      "value_length: found 32, expected 64",
    ],
    [
      "tensors",
      "llama",
      { tensors: [floats("blk.0.attn_sinks.weight", [4], 1)] },
      "tensor blk.0.attn_sinks.weight: found a tensor that Quern does not know",
    ],
    [
      "norms of other families",
      "llama",
      { tensors: [floats("blk.0.attn_q_norm.weight", [64], 1)] },
      "found a tensor that Quern does not know",
    ],
    [
      "experts of dense layers",
      "deepseek",
      { tensors: [floats("blk.0.ffn_gate_inp.weight", [256, 4], 1)] },
      "found a tensor that Quern does not know",
    ],
    [
      "biases of norms",
      "llama",
      { tensors: [bias] },
      "tensor blk.0.attn_norm.bias: found a tensor that Quern does not know",
    ],
    [
      "layers",
      "llama",
      { tensors: [floats("blk.2.attn_q.weight", [256, 256], 1)] },
      "found layer 2, expected fewer than 2",
    ],
    [
      "numbers of experts",
      "mixtral",
      { keys: { "llama.expert_count": u32(8) } },
      "found shape [4, 256, 256], expected 8 experts",
    ],
    ["what is missing", "llama", { keys: { "llama.block_count": u32(3) } }, 'found no tensor "model.layers.2'],
  ];
  it.each(cases)("refuses %s of %s", async (_, architecture, options, message) => {
    await expect(opened(architecture, options)).rejects.toThrow(message);
  });

  it("passes over what changes nothing", async () => {
    const keys = {
      "general.name": text("a name"),
      "llama.vocab_size": u32(64),
      "llama.rope.scaling.finetuned": flag(true),
      "llama.expert_count": u32(0),
      "llama.logit_scale": f32(0),
      "quantize.imatrix.file": text("x"),
    };
    await expect(
      opened("llama", { keys, tensors: [floats("blk.0.attn_rot_embd.weight", [32], 1)] }),
    ).resolves.toBeDefined();
  });
});
