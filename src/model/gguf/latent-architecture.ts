/** Reads the architecture of DeepSeek-V2 and V3: latent attention, and experts in groups. */

import type { JsonObject } from "../../base/json.ts";
import { chosen, expertWidth } from "./architecture.ts";
import type { GgufFields } from "./gguf-fields.ts";

/** The number of `expert_gating_func` for sigmoid scores, by which V3 is known. */
const SIGMOID = 2;

export function readDeepseek2(fields: GgufFields): JsonObject {
  const { experts, topK } = chosen(fields);
  const gating = fields.number("expert_gating_func") ?? 1;
  if (gating > SIGMOID) throw fields.wrong("expert_gating_func", gating, "1 (softmax) or 2 (sigmoid)");
  return {
    ...latentWidths(fields),
    ...(gating === SIGMOID ? thirdRouter(fields) : secondRouter(fields)),
    n_routed_experts: experts,
    num_experts_per_tok: topK,
    n_shared_experts: fields.number("expert_shared_count") ?? 0,
    moe_intermediate_size: expertWidth(fields, topK),
    first_k_dense_replace: fields.number("leading_dense_block_count") ?? 0,
    moe_layer_freq: 1,
    routed_scaling_factor: fields.number("expert_weights_scale") || 1,
    attention_bias: false,
  };
}

/** Newer files have the widths of the latents under the usual keys, and those of heads under keys of their own. */
function latentWidths(fields: GgufFields): JsonObject {
  const rotated = fields.required("rope.dimension_count");
  const usual = { key: fields.required("attention.key_length"), value: fields.required("attention.value_length") };
  const queryRank = fields.number("attention.q_lora_rank") ?? 0;
  fields.uniform("attention.head_count_kv");
  return {
    ...(queryRank === 0 ? {} : { q_lora_rank: queryRank }),
    kv_lora_rank: fields.required("attention.kv_lora_rank"),
    qk_rope_head_dim: rotated,
    qk_nope_head_dim: (fields.number("attention.key_length_mla") ?? usual.key) - rotated,
    v_head_dim: fields.number("attention.value_length_mla") ?? usual.value,
  };
}

function groupsOf(fields: GgufFields): { n_group: number; topk_group: number } {
  return {
    n_group: fields.number("expert_group_count") || 1,
    topk_group: fields.number("expert_group_used_count") || 1,
  };
}

function secondRouter(fields: GgufFields): JsonObject {
  const groups = groupsOf(fields);
  return {
    model_type: "deepseek_v2",
    ...groups,
    topk_method: groups.n_group > 1 ? "group_limited_greedy" : "greedy",
    norm_topk_prob: fields.flag("expert_weights_norm") ?? false,
  };
}

function thirdRouter(fields: GgufFields): JsonObject {
  return {
    model_type: "deepseek_v3",
    ...groupsOf(fields),
    scoring_func: "sigmoid",
    topk_method: "noaux_tc",
    norm_topk_prob: fields.flag("expert_weights_norm") ?? true,
  };
}
