/** Architectures whose folders are among the fixtures: a GGUF file of the same weights computes the same bits. */
import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { loadModel } from "../../../src/web.ts";
import { f32, type GgufValue, text, u32 } from "../../helpers/gguf.ts";
import { ggufOfFolder } from "../../helpers/gguf-of-folder.ts";
import { repositoryFile } from "../../helpers/shared.ts";

const IDS = [1, 5, 9, 40, 63, 2, 2, 17, 100, 31, 8, 8, 8, 54];

const flag = (value: boolean): GgufValue => ({ type: "bool", value });
const list = (values: readonly number[]): GgufValue => ({ type: "array", of: "u32", values });
const numbers = (values: Readonly<Record<string, number>>) =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Number.isInteger(value) ? u32(value) : f32(value)]),
  );

interface Case {
  readonly folder: string;
  readonly architecture: string;
  readonly keys: Readonly<Record<string, GgufValue>>;
  readonly mlpNorm?: "post_attention_norm";
  /** Keys and values of latent attention in a tensor each, as newer files have them. */
  readonly splitHeads?: { readonly heads: number; readonly plain: number };
}

const usual = {
  context_length: 256,
  embedding_length: 48,
  "attention.head_count": 4,
  "attention.layer_norm_rms_epsilon": 1e-5,
};
const latent = {
  ...{
    "attention.head_count": 3,
    block_count: 3,
    feed_forward_length: 64,
    "rope.dimension_count": 8,
    "rope.freq_base": 10_000,
  },
  ...{ "attention.q_lora_rank": 24, "attention.kv_lora_rank": 16, leading_dense_block_count: 1 },
  ...{
    expert_count: 16,
    expert_used_count: 4,
    expert_feed_forward_length: 16,
    expert_group_count: 4,
    expert_group_used_count: 2,
  },
};
const CASES: readonly Case[] = [
  {
    folder: "glm4_moe-bf16",
    architecture: "glm4moe",
    mlpNorm: "post_attention_norm",
    keys: {
      ...numbers({
        ...usual,
        block_count: 5,
        nextn_predict_layers: 1,
        feed_forward_length: 80,
        "attention.head_count_kv": 2,
      }),
      ...numbers({
        "attention.key_length": 16,
        "attention.value_length": 16,
        "rope.dimension_count": 8,
        "rope.freq_base": 1e6,
      }),
      ...numbers({ expert_count: 16, expert_used_count: 4, expert_shared_count: 1, expert_feed_forward_length: 16 }),
      ...numbers({ leading_dense_block_count: 1, expert_gating_func: 2, expert_weights_scale: 2.5 }),
      expert_weights_norm: flag(true),
    },
  },
  {
    folder: "ernie4_5_moe-bf16",
    architecture: "ernie4_5-moe",
    keys: {
      ...numbers({
        ...usual,
        block_count: 4,
        feed_forward_length: 80,
        "attention.head_count_kv": 2,
        "rope.freq_base": 5e5,
      }),
      ...numbers({ expert_count: 8, expert_used_count: 3, expert_shared_count: 2, expert_feed_forward_length: 16 }),
      ...numbers({ expert_shared_feed_forward_length: 32, leading_dense_block_count: 1, interleave_moe_layer_step: 1 }),
    },
  },
  {
    folder: "lfm2_moe-bf16",
    architecture: "lfm2moe",
    keys: {
      ...numbers({ ...usual, block_count: 5, feed_forward_length: 80, "rope.freq_base": 1e6, "shortconv.l_cache": 3 }),
      ...numbers({
        expert_count: 8,
        expert_used_count: 3,
        expert_feed_forward_length: 32,
        leading_dense_block_count: 1,
      }),
      ...numbers({ expert_gating_func: 2, vocab_size: 112 }),
      "attention.head_count_kv": list([0, 2, 0, 0, 2]),
    },
  },
  {
    folder: "gpt_oss-mxfp4",
    architecture: "gpt-oss",
    mlpNorm: "post_attention_norm",
    keys: {
      ...numbers({
        ...usual,
        embedding_length: 64,
        block_count: 4,
        feed_forward_length: 32,
        "attention.head_count_kv": 2,
      }),
      ...numbers({ "attention.key_length": 16, "attention.value_length": 16, "attention.sliding_window": 8 }),
      ...numbers({ "rope.freq_base": 150_000, "rope.scaling.original_context_length": 32 }),
      ...numbers({ expert_count: 8, expert_used_count: 3, expert_feed_forward_length: 32 }),
      "rope.scaling.type": text("yarn"),
      "rope.scaling.factor": f32(8),
    },
  },
  {
    folder: "deepseek_v2-groups-bf16",
    architecture: "deepseek2",
    keys: {
      ...numbers({
        ...usual,
        ...latent,
        expert_shared_count: 2,
        expert_weights_scale: 16,
        "attention.head_count_kv": 3,
      }),
      ...numbers({
        "attention.key_length": 20,
        "attention.value_length": 10,
        "attention.layer_norm_rms_epsilon": 1e-6,
      }),
    },
  },
  {
    folder: "deepseek_v3-bf16",
    splitHeads: { heads: 3, plain: 12 },
    architecture: "deepseek2",
    keys: {
      ...numbers({
        ...usual,
        ...latent,
        expert_shared_count: 1,
        expert_weights_scale: 2.5,
        "attention.head_count_kv": 1,
      }),
      ...numbers({
        "attention.key_length": 24,
        "attention.value_length": 16,
        "attention.layer_norm_rms_epsilon": 1e-6,
      }),
      ...numbers({ "attention.key_length_mla": 20, "attention.value_length_mla": 10, expert_gating_func: 2 }),
      ...numbers({ "rope.scaling.original_context_length": 16, "rope.scaling.yarn_log_multiplier": 0.1 }),
      "rope.scaling.factor": f32(40),
      "rope.scaling.type": text("yarn"),
      expert_weights_norm: flag(true),
    },
  },
];

describe.each(CASES)("$architecture", ({ folder, architecture, keys, mlpNorm, splitHeads }) => {
  const path = repositoryFile(`test/fixtures/families/${folder}`);
  const prefixed = Object.fromEntries(Object.entries(keys).map(([key, value]) => [`${architecture}.${key}`, value]));
  const bytes = ggufOfFolder(
    path,
    { "general.architecture": text(architecture), ...prefixed },
    { mlpNorm, splitHeads },
  );

  it("computes the bits of the folder with the same weights", async () => {
    const names = readdirSync(path).filter((name) => /^(?:config\.json|model\.safetensors)$/.test(name));
    const files = Object.fromEntries(names.map((name) => [name, new Uint8Array(readFileSync(`${path}/${name}`))]));
    await using expected = await loadModel(files, { activations: "f32" });
    await using found = await loadModel({ "m.gguf": bytes }, { activations: "f32" });
    expect((await found.logits(IDS)).data).toEqual((await expected.logits(IDS)).data);
  });
});
