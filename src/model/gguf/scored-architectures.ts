/** Reads the architectures whose routers have a bias of the choice, sigmoid scores, or biases of their own. */

import { UnsupportedError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { type ArchitectureContext, chosen, expertWidth } from "./architecture.ts";
import type { GgufFields } from "./gguf-fields.ts";

/** The numbers of `expert_gating_func`. */
const SOFTMAX = 1;
const SIGMOID = 2;
/** A softmax over the chosen logits alone. */
const SOFTMAX_OF_CHOSEN = 3;

function requireGating(fields: GgufFields, ...known: readonly number[]): void {
  const gating = fields.number("expert_gating_func") ?? 0;
  if (gating !== 0 && !known.includes(gating)) throw fields.wrong("expert_gating_func", gating, known.join(" or "));
}

/** Divides the chosen experts' weights by their sum, times a factor, unless the file says otherwise. */
function scoredWeights(fields: GgufFields): JsonObject {
  return {
    norm_topk_prob: fields.flag("expert_weights_norm") ?? true,
    routed_scaling_factor: fields.number("expert_weights_scale") || 1,
  };
}

export function readGptOss(fields: GgufFields): JsonObject {
  const { experts, topK } = chosen(fields);
  requireGating(fields, SOFTMAX, SOFTMAX_OF_CHOSEN);
  fields.flag("expert_weights_norm");
  return {
    model_type: "gpt_oss",
    num_local_experts: experts,
    num_experts_per_tok: topK,
    intermediate_size: expertWidth(fields, topK),
    attention_bias: true,
  };
}

export function readGlm4Moe(fields: GgufFields, { tensors }: ArchitectureContext): JsonObject {
  const { experts, topK } = chosen(fields);
  requireGating(fields, SIGMOID);
  return {
    model_type: "glm4_moe",
    n_routed_experts: experts,
    num_experts_per_tok: topK,
    moe_intermediate_size: expertWidth(fields, topK),
    n_shared_experts: fields.number("expert_shared_count") ?? 0,
    first_k_dense_replace: fields.number("leading_dense_block_count") ?? 0,
    n_group: fields.number("expert_group_count") || 1,
    topk_group: fields.number("expert_group_used_count") || 1,
    use_qk_norm: tensors.has("blk.0.attn_q_norm.weight"),
    attention_bias: tensors.has("blk.0.attn_q.bias"),
    ...scoredWeights(fields),
  };
}

/** No key says after which layer there are no more experts; the routers do. */
export function readErnie(fields: GgufFields, { tensors }: ArchitectureContext): JsonObject {
  const { experts, topK } = chosen(fields);
  requireGating(fields, SOFTMAX);
  fields.flag("expert_weights_norm");
  const width = expertWidth(fields, topK);
  const shared = fields.number("expert_shared_feed_forward_length") ?? 0;
  return {
    model_type: "ernie4_5_moe",
    moe_num_experts: experts,
    moe_k: topK,
    moe_intermediate_size: width,
    moe_num_shared_experts: fields.number("expert_shared_count") ?? shared / width,
    moe_layer_start_index: fields.number("leading_dense_block_count") ?? 0,
    moe_layer_end_index: [...tensors.keys()].reduce((last, name) => Math.max(last, routedLayer(name)), -1),
    moe_layer_interval: fields.number("interleave_moe_layer_step") || 1,
  };
}

/** The layer of a router by its tensor's name; -1 for other tensors. */
function routedLayer(name: string): number {
  return Number(/^blk\.(\d+)\.ffn_gate_inp\.weight$/.exec(name)?.[1] ?? -1);
}

/** Layers without key and value heads are convolutions. */
export function readLfm2Moe(fields: GgufFields, { tensors }: ArchitectureContext): JsonObject {
  const { experts, topK } = chosen(fields);
  requireGating(fields, SIGMOID);
  const heads = fields.list("attention.head_count_kv") ?? [];
  const [first, ...others] = heads.filter((count) => count > 0);
  if (first === undefined || others.some((count) => count !== first))
    throw new UnsupportedError(
      `${fields.where}: lfm2moe.attention.head_count_kv`,
      `[${heads.slice(0, 8).join(", ")}]`,
      ["a number of heads for each layer, 0 for convolutions and the same for all others"],
    );
  const headDim = fields.number("attention.key_length");
  const names = [...tensors.keys()];
  return {
    model_type: "lfm2_moe",
    ...(headDim === undefined ? {} : { head_dim: headDim }),
    num_key_value_heads: first,
    layer_types: heads.map((count) => (count > 0 ? "full_attention" : "conv")),
    num_experts: experts,
    num_experts_per_tok: topK,
    moe_intermediate_size: expertWidth(fields, topK),
    num_dense_layers: fields.number("leading_dense_block_count") ?? 0,
    conv_L_cache: fields.required("shortconv.l_cache"),
    conv_bias: names.some((name) => name.endsWith(".shortconv.conv.bias")),
    use_expert_bias: names.some((name) => name.endsWith(".exp_probs_b.bias")),
    ...scoredWeights(fields),
  };
}
