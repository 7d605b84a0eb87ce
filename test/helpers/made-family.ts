/** Models of any family with random weights: as a folder in memory in each layout on disk, and as tensors for the reference pass. */
import { nodeFolder } from "../../src/adapter/node.ts";
import type { JsonObject } from "../../src/base/json.ts";
import { memoryOutput } from "../../src/files/output.ts";
import { type FolderSource, filesFolder } from "../../src/files/source.ts";
import { openTensorIndex } from "../../src/format/checkpoint.ts";
import type { BankPlace } from "../../src/format/codecs/codec.ts";
import { floatDType, readFloats } from "../../src/format/codecs/float-rows.ts";
import { tensorOf, writeSafetensors } from "../../src/format/safetensors-writer.ts";
import { readTensor } from "../../src/format/tensor-index.ts";
import { readModelConfig } from "../../src/model/config/families/index.ts";
import type { Spelling } from "../../src/model/config/module-names.ts";
import { modelLinears, moduleOf } from "../../src/model/weights/linears.ts";
import { modelVectors } from "../../src/model/weights/vectors.ts";
import type { LinearShape } from "../../src/tensor/linear-shape.ts";
import type { Checkpoint } from "../reference/families/parts.ts";
import { gaussians } from "./random.ts";

interface MadeTensor {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}
type Tensors = Map<string, MadeTensor>;

/** How experts are stored: each by itself, or all of a layer in one tensor. */
export type Layout = "separate" | "fused";

/** The folder of a model with this configuration. The same configuration has the same weights in every spelling and layout. */
export async function madeFamilyFolder(
  json: JsonObject,
  spelling: Spelling = "hub",
  layout: Layout = "separate",
): Promise<FolderSource> {
  const output = memoryOutput("made");
  const file = await output.file("model.safetensors");
  const tensors = [...madeTensors(json, spelling, layout)];
  await writeSafetensors(
    file,
    tensors.map(([name, { shape, data }]) => tensorOf(name, "F32", shape, data)),
  );
  await file.close();
  await output.commit();
  const config = new TextEncoder().encode(JSON.stringify(json));
  return filesFolder("made", { "config.json": config, "model.safetensors": output.files.get("model.safetensors")! });
}

/** The tensors in the hub's layout, for the reference pass. */
export function madeCheckpoint(json: JsonObject): Checkpoint {
  return checkpointOf(madeTensors(json, "hub", "separate"));
}

/** The tensors of a folder on disk, for the reference pass. */
export async function folderCheckpoint(path: string): Promise<Checkpoint> {
  const index = await openTensorIndex(await nodeFolder(path));
  const tensors = new Map<string, ReturnType<Checkpoint["tensor"]>>();
  for (const [name, entry] of index.entries) {
    const count = entry.shape.reduce((a, b) => a * b, 1);
    const bytes = new Uint8Array(entry.dtype === "U8" ? count : 0);
    if (entry.dtype === "U8") await readTensor(entry, bytes);
    const data = bytes.length > 0 ? bytes : await readFloats(entry, floatDType(index, entry), 0, count);
    tensors.set(name, { shape: entry.shape, data });
  }
  await index.close();
  return checkpointOf(tensors);
}

function checkpointOf(tensors: ReadonlyMap<string, ReturnType<Checkpoint["tensor"]>>): Checkpoint {
  return {
    has: (name) => tensors.has(name),
    tensor(name) {
      const found = tensors.get(name);
      if (found === undefined) throw new Error(`the checkpoint has no tensor ${name}`);
      return found;
    },
  };
}

function madeTensors(json: JsonObject, spelling: Spelling, layout: Layout): Tensors {
  const { family, config } = readModelConfig(json, "config.json");
  const names = family.names[spelling];
  const tensors: Tensors = new Map();
  modelLinears(names, config).forEach((linear, at) => {
    const { bank } = moduleOf(names, linear);
    const values = weightsOf(linear, at);
    // The files of Granite and gpt-oss have no other layout.
    const inBank = layout === "fused" || /^(granite|gpt_oss)/.test(config.modelType);
    const place = inBank && bank !== undefined ? { ...bank, experts: config.experts } : undefined;
    if (place !== undefined) intoBank(tensors, place, linear, values);
    else tensors.set(`${linear.name}.weight`, { shape: [linear.rows, linear.cols], data: values });
    if (!config.biased.includes(linear.projection)) return;
    const biases = gaussians(linear.rows, 10_000 + at).map((x) => 0.3 * x);
    if (place?.bias !== undefined)
      intoBank(tensors, { ...place, tensor: place.bias, transposed: false }, { ...linear, cols: 1 }, biases);
    else tensors.set(`${linear.name}.bias`, { shape: [linear.rows], data: biases });
  });
  modelVectors(names, config).forEach(({ kind, tensor, length, shapes }, at) => {
    const [mean, size] = MEANS[kind] ?? [1, 0.2];
    const data = gaussians(length, 20_000 + at).map((x) => mean + size * x);
    tensors.set(tensor, { shape: shapes?.[0] ?? [length], data });
  });
  return tensors;
}

/** Mean and size of the values of vectors that are no weights of norms. */
const MEANS: Readonly<Record<string, readonly [number, number]>> = {
  routerBias: [0, 0.1],
  sinks: [0, 1],
  filter: [0, 0.6],
  filterBias: [0, 0.3],
};

function weightsOf({ role, rows, cols }: LinearShape, seed: number): Float32Array {
  // Router logits are spread widely, so that no two experts are nearly alike.
  const size = role === "embedding" ? 1 : (role === "router" ? 3 : 1) / Math.sqrt(cols);
  return gaussians(rows * cols, 1 + seed).map((x) => size * x);
}

interface Bank extends BankPlace {
  readonly experts: number;
}

function intoBank(tensors: Tensors, bank: Bank, { cols }: LinearShape, values: Float32Array): void {
  const { tensor, expert, blockRows, firstRow, rowStep = 1, transposed = false, experts } = bank;
  const block = transposed ? [cols, blockRows] : [blockRows, cols];
  const shape = [...(expert < 0 ? [] : [experts]), ...(bank.bias === tensor ? [blockRows] : block)];
  const made = tensors.get(tensor) ?? { shape, data: new Float32Array(shape.reduce((a, b) => a * b)) };
  values.forEach((value, at) => {
    const [row, col] = [firstRow + Math.floor(at / cols) * rowStep, at % cols];
    const from = Math.max(0, expert) * blockRows * cols;
    made.data[from + (transposed ? col * blockRows + row : row * cols + col)] = value;
  });
  tensors.set(tensor, made);
}

const SIZES = {
  ...{ hidden_size: 64, num_attention_heads: 4, num_key_value_heads: 2, num_hidden_layers: 3, vocab_size: 96 },
  ...{ intermediate_size: 96, max_position_embeddings: 256, rms_norm_eps: 1e-6, hidden_act: "silu" },
  ...{ bos_token_id: 1, eos_token_id: 2 },
};
const MOE = { num_experts_per_tok: 2, moe_intermediate_size: 64 };
const YARN = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 8 };

const LATENT = {
  ...{ num_key_value_heads: 4, kv_lora_rank: 32, qk_nope_head_dim: 24, qk_rope_head_dim: 8, v_head_dim: 16 },
  ...{ n_routed_experts: 8, first_k_dense_replace: 1, rope_theta: 1e4, tie_word_embeddings: false },
};

/** Families with other mixers, routers or experts than Llama's. */
const LATER_FAMILIES: Readonly<Record<string, JsonObject>> = {
  "deepseek_v2 with groups and a latent of queries": {
    ...{ ...SIZES, ...MOE, ...LATENT, model_type: "deepseek_v2", q_lora_rank: 32, n_shared_experts: 2 },
    ...{
      topk_method: "group_limited_greedy",
      n_group: 4,
      topk_group: 2,
      routed_scaling_factor: 3,
      num_hidden_layers: 2,
    },
    ...{ attention_bias: true, rope_scaling: { ...YARN, mscale: 1, mscale_all_dim: 0.7 } },
  },
  "deepseek_v3 in halves without shared experts": {
    ...{ ...SIZES, ...MOE, ...LATENT, model_type: "deepseek_v3", q_lora_rank: null, n_shared_experts: 0 },
    ...{ n_group: 2, topk_group: 1, norm_topk_prob: false, routed_scaling_factor: 1.5, num_hidden_layers: 2 },
    ...{ rope_interleave: false, first_k_dense_replace: 0 },
  },
  "lfm2_moe with biases and four taps": {
    ...{
      ...SIZES,
      ...MOE,
      model_type: "lfm2_moe",
      num_experts: 6,
      num_dense_layers: 1,
      conv_L_cache: 4,
      conv_bias: true,
    },
    ...{ norm_eps: 1e-5, rope_theta: 1e6, layer_types: ["conv", "full_attention", "conv"], tie_word_embeddings: false },
    ...{ use_expert_bias: false, norm_topk_prob: false, routed_scaling_factor: 1.5 },
  },
  "lfm2_moe with a bias of the choice": {
    ...{
      ...SIZES,
      ...MOE,
      model_type: "lfm2_moe",
      num_experts: 6,
      num_dense_layers: 0,
      conv_L_cache: 3,
      conv_bias: false,
    },
    ...{ norm_eps: 1e-5, rope_theta: 1e6, layer_types: ["full_attention", "conv", "conv"], tie_word_embeddings: true },
    ...{ use_expert_bias: true, norm_topk_prob: true, routed_scaling_factor: 1 },
  },
  "gpt_oss in floats": {
    ...{ ...SIZES, model_type: "gpt_oss", head_dim: 32, num_local_experts: 4, num_experts_per_tok: 2 },
    ...{ sliding_window: 5, swiglu_limit: 1.5, rope_theta: 150000, tie_word_embeddings: false },
    rope_scaling: { ...YARN, truncate: false },
  },
  "ernie4_5_moe with biases": {
    ...{ ...SIZES, model_type: "ernie4_5_moe", moe_num_experts: 6, moe_k: 2, moe_intermediate_size: 64 },
    ...{ moe_num_shared_experts: 1, moe_layer_start_index: 0, moe_layer_end_index: -1, moe_layer_interval: 2 },
    ...{ use_bias: true, rope_theta: 5e5, tie_word_embeddings: false, num_hidden_layers: 4, rms_norm_eps: 1e-5 },
  },
  "glm4_moe with groups": {
    ...{ ...SIZES, ...MOE, model_type: "glm4_moe", head_dim: 32, partial_rotary_factor: 0.5, use_qk_norm: false },
    ...{ n_routed_experts: 8, n_shared_experts: 2, n_group: 2, topk_group: 1, norm_topk_prob: true },
    ...{
      routed_scaling_factor: 1,
      first_k_dense_replace: 1,
      attention_bias: true,
      rope_theta: 1e4,
      rms_norm_eps: 1e-5,
    },
    tie_word_embeddings: false,
  },
};

/** Configurations of every family with the features that no fixture has. All widths fit the grid of 4-bit weights. */
export const MADE_FAMILIES: Readonly<Record<string, JsonObject>> = {
  "llama with biases everywhere": {
    ...{ ...SIZES, model_type: "llama", attention_bias: true, mlp_bias: true, tie_word_embeddings: true },
    rope_scaling: {
      ...{ rope_type: "llama3", factor: 4, low_freq_factor: 1, high_freq_factor: 4 },
      original_max_position_embeddings: 16,
    },
  },
  "llama with mscale": {
    ...{ ...SIZES, model_type: "llama", head_dim: 32 },
    rope_scaling: { ...YARN, mscale: 0.8, mscale_all_dim: 1.2, beta_fast: 16, beta_slow: 2, truncate: false },
  },
  "mistral with a window": {
    ...{ ...SIZES, model_type: "mistral", sliding_window: 5, rope_theta: 1e6 },
    rope_scaling: { type: "linear", factor: 2.5 },
  },
  "qwen2 with upper windows": {
    ...{ ...SIZES, model_type: "qwen2", num_hidden_layers: 4, tie_word_embeddings: true },
    ...{ sliding_window: 6, use_sliding_window: true, max_window_layers: 2 },
  },
  "qwen3 with listed windows": {
    ...{ ...SIZES, model_type: "qwen3", head_dim: 32, attention_bias: true, sliding_window: 4 },
    ...{ use_sliding_window: true, layer_types: ["sliding_attention", "full_attention", "sliding_attention"] },
  },
  "mixtral with a window": {
    ...{ ...SIZES, model_type: "mixtral", num_local_experts: 4, num_experts_per_tok: 2, sliding_window: 7 },
    rope_theta: 1e6,
  },
  "deepseek with biases": {
    ...{ ...SIZES, ...MOE, model_type: "deepseek", num_hidden_layers: 4, n_routed_experts: 6, n_shared_experts: 1 },
    ...{ first_k_dense_replace: 1, moe_layer_freq: 2, norm_topk_prob: true, routed_scaling_factor: 1.5 },
    ...{ attention_bias: true, scoring_func: "softmax", rope_scaling: { type: "dynamic", factor: 4 } },
  },
  "qwen2_moe with alternating windows": {
    ...{ ...SIZES, ...MOE, model_type: "qwen2_moe", num_hidden_layers: 5, num_experts: 5, qkv_bias: true },
    ...{ shared_expert_intermediate_size: 32, norm_topk_prob: true, decoder_sparse_step: 2, mlp_only_layers: [3] },
    ...{ use_sliding_window: true, sliding_window: 6, max_window_layers: 3 },
  },
  "qwen3_moe with windows everywhere": {
    ...{ ...SIZES, ...MOE, model_type: "qwen3_moe", head_dim: 32, num_local_experts: 8, norm_topk_prob: true },
    ...{ use_sliding_window: true, sliding_window: 6, rope_scaling: { ...YARN, attention_factor: 1.3 } },
  },
  "olmoe with biases": {
    ...{ ...SIZES, model_type: "olmoe", num_experts: 6, num_experts_per_tok: 3, norm_topk_prob: true },
    ...{ clip_qkv: 0.9, attention_bias: true },
  },
  "granitemoe without multipliers": {
    ...{ ...SIZES, model_type: "granitemoe", num_local_experts: 4, num_experts_per_tok: 2, tie_word_embeddings: true },
    attention_bias: true,
  },
  granitemoeshared: {
    ...{ ...SIZES, model_type: "granitemoeshared", num_local_experts: 4, num_experts_per_tok: 2 },
    ...{ shared_intermediate_size: 64, tie_word_embeddings: true, embedding_multiplier: 12, residual_multiplier: 0.22 },
    ...{ attention_multiplier: 0.1, logits_scaling: 6 },
  },
  ...LATER_FAMILIES,
  "granitemoeshared without a shared expert": {
    ...{ ...SIZES, model_type: "granitemoeshared", num_local_experts: 4, num_experts_per_tok: 2 },
    ...{ shared_intermediate_size: 0, logits_scaling: 3 },
  },
};
