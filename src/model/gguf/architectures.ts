/** Lists the architectures of GGUF files that Quern reads: the family of each, and what llama.cpp does for it without a key. */

import type { JsonObject } from "../../base/json.ts";
import { type Architecture, type ArchitectureContext, chosen, expertWidth } from "./architecture.ts";
import type { GgufFields } from "./gguf-fields.ts";
import { readDeepseek2 } from "./latent-architecture.ts";
import { readErnie, readGlm4Moe, readGptOss, readLfm2Moe } from "./scored-architectures.ts";

/** Fields of routing that must be what the family computes. */
function softmaxRouting(fields: GgufFields): void {
  const gating = fields.number("expert_gating_func") ?? 1;
  if (gating > 1) throw fields.wrong("expert_gating_func", gating, "1 (softmax)");
  const scale = fields.number("expert_weights_scale") ?? 1;
  if (scale !== 1 && scale !== 0) throw fields.wrong("expert_weights_scale", scale, "1");
}

/** Mixtral, or a dense Llama or Mistral where there are no experts. */
function readLlama(fields: GgufFields, { tensors }: ArchitectureContext): JsonObject {
  const experts = fields.number("expert_count") ?? 0;
  if (experts === 0) {
    const window = fields.number("attention.sliding_window") ?? 0;
    if (window > 0) return { model_type: "mistral" };
    return { model_type: "llama", attention_bias: tensors.has("blk.0.attn_q.bias") };
  }
  softmaxRouting(fields);
  const width = fields.number("expert_feed_forward_length");
  return {
    model_type: "mixtral",
    ...(width === undefined ? {} : { intermediate_size: width }),
    num_local_experts: experts,
    num_experts_per_tok: fields.required("expert_used_count"),
  };
}

function readOlmoe(fields: GgufFields): JsonObject {
  const { experts, topK } = chosen(fields);
  softmaxRouting(fields);
  const clip = fields.number("attention.clamp_kqv") ?? 0;
  return {
    model_type: "olmoe",
    num_experts: experts,
    num_experts_per_tok: topK,
    norm_topk_prob: fields.flag("expert_weights_norm") ?? false,
    ...(clip === 0 ? {} : { clip_qkv: clip }),
  };
}

function readQwen2Moe(fields: GgufFields): JsonObject {
  const { experts, topK } = chosen(fields);
  softmaxRouting(fields);
  return {
    model_type: "qwen2_moe",
    num_experts: experts,
    num_experts_per_tok: topK,
    moe_intermediate_size: expertWidth(fields, topK),
    shared_expert_intermediate_size:
      fields.number("expert_shared_feed_forward_length") ?? fields.required("feed_forward_length"),
    norm_topk_prob: fields.flag("expert_weights_norm") ?? false,
    decoder_sparse_step: 1,
  };
}

function readQwen3Moe(fields: GgufFields): JsonObject {
  const { experts, topK } = chosen(fields);
  softmaxRouting(fields);
  return {
    model_type: "qwen3_moe",
    num_experts: experts,
    num_experts_per_tok: topK,
    moe_intermediate_size: expertWidth(fields, topK),
    norm_topk_prob: fields.flag("expert_weights_norm") ?? true,
    decoder_sparse_step: 1,
  };
}

function readDeepseek(fields: GgufFields, { tensors }: ArchitectureContext): JsonObject {
  const { experts, topK } = chosen(fields);
  const gating = fields.number("expert_gating_func") ?? 1;
  if (gating > 1) throw fields.wrong("expert_gating_func", gating, "1 (softmax)");
  const scale = fields.number("expert_weights_scale") ?? 1;
  return {
    model_type: "deepseek",
    n_routed_experts: experts,
    num_experts_per_tok: topK,
    n_shared_experts: fields.number("expert_shared_count") ?? 0,
    moe_intermediate_size: expertWidth(fields, topK),
    first_k_dense_replace: fields.number("leading_dense_block_count") ?? 0,
    moe_layer_freq: 1,
    scoring_func: "softmax",
    norm_topk_prob: fields.flag("expert_weights_norm") ?? false,
    routed_scaling_factor: scale === 0 ? 1 : scale,
    attention_bias: tensors.has("blk.0.attn_q.bias"),
  };
}

function readGraniteMoe(fields: GgufFields, { headDim }: ArchitectureContext): JsonObject {
  const { experts, topK } = chosen(fields);
  softmaxRouting(fields);
  fields.flag("expert_weights_norm");
  const shared = fields.number("expert_shared_feed_forward_length") ?? 0;
  const width = fields.number("expert_feed_forward_length");
  /** A factor of 0 or none means that there is none. */
  const factor = (key: string, otherwise: number) => fields.number(key) || otherwise;
  return {
    model_type: shared === 0 ? "granitemoe" : "granitemoeshared",
    ...(width === undefined ? {} : { intermediate_size: width }),
    num_local_experts: experts,
    num_experts_per_tok: topK,
    ...(shared === 0 ? {} : { shared_intermediate_size: shared }),
    logits_scaling: factor("logit_scale", 1),
    residual_multiplier: factor("residual_scale", 1),
    embedding_multiplier: factor("embedding_scale", 1),
    attention_multiplier: factor("attention.scale", 1 / Math.sqrt(headDim)),
  };
}

/** The classes of transformers by `model_type`, which other programs look for in a configuration. */
export const CLASS_NAMES: Readonly<Record<string, string>> = {
  mixtral: "MixtralForCausalLM",
  llama: "LlamaForCausalLM",
  mistral: "MistralForCausalLM",
  olmoe: "OlmoeForCausalLM",
  qwen2: "Qwen2ForCausalLM",
  qwen3: "Qwen3ForCausalLM",
  qwen2_moe: "Qwen2MoeForCausalLM",
  qwen3_moe: "Qwen3MoeForCausalLM",
  deepseek: "DeepseekForCausalLM",
  granitemoe: "GraniteMoeForCausalLM",
  granitemoeshared: "GraniteMoeSharedForCausalLM",
  gpt_oss: "GptOssForCausalLM",
  glm4_moe: "Glm4MoeForCausalLM",
  ernie4_5_moe: "Ernie4_5_MoeForCausalLM",
  lfm2_moe: "Lfm2MoeForCausalLM",
  deepseek_v2: "DeepseekV2ForCausalLM",
  deepseek_v3: "DeepseekV3ForCausalLM",
};

export const ARCHITECTURES: ReadonlyMap<string, Architecture> = new Map<string, Architecture>([
  ["llama", { pairedRows: true, read: readLlama }],
  ["olmoe", { pairedRows: false, read: readOlmoe }],
  ["qwen2moe", { pairedRows: false, read: readQwen2Moe }],
  ["qwen3moe", { pairedRows: false, read: readQwen3Moe }],
  ["deepseek", { pairedRows: true, read: readDeepseek }],
  ["granitemoe", { pairedRows: true, read: readGraniteMoe }],
  ["gpt-oss", { pairedRows: false, wholeRopeColumns: false, read: readGptOss }],
  ["glm4moe", { pairedRows: false, read: readGlm4Moe }],
  ["ernie4_5-moe", { pairedRows: false, read: readErnie }],
  ["lfm2moe", { pairedRows: false, ownHeads: true, read: readLfm2Moe }],
  ["deepseek2", { pairedRows: false, ownHeads: true, read: readDeepseek2 }],
  ["qwen2", { pairedRows: false, read: () => ({ model_type: "qwen2" }) }],
  ["qwen3", { pairedRows: false, read: () => ({ model_type: "qwen3" }) }],
]);
