/**
 * Qwen2-MoE (arXiv:2407.10671; also Qwen1.5-MoE) and Qwen3-MoE (arXiv:2505.09388): routed experts in some or all layers. The former has a
 * gated shared expert and biases of q, k and v, the latter norms of queries and keys.
 */

import { readAttentionBias, readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES, type ModuleNames, mlpNames } from "../../module-names.ts";
import { layersWith, noWindows, windowEverywhere } from "../../window-fields.ts";

function readQwen2(fields: ConfigFields): ModelConfig {
  const common = readRouted(fields);
  const { layers } = common;
  const sharedWidth = fields.count("shared_expert_intermediate_size");
  const last = fields.indexOr(28, "max_window_layers");
  const uses = fields.flagOr(false, "use_sliding_window");
  return {
    ...common,
    ...{ sharedExperts: 1, sharedWidth, sharedGate: true },
    biased: fields.flagOr(true, "qkv_bias") ? ["q", "k", "v"] : [],
    // Files on the hub often do not state the biases that they have.
    needsBiases: fields.has("qkv_bias"),
    windows: uses ? layersWith(fields, layers, (layer) => layer % 2 === 0 && layer < last) : noWindows(fields, layers),
  };
}

function readQwen3(fields: ConfigFields): ModelConfig {
  const common = readRouted(fields);
  const uses = fields.flagOr(false, "use_sliding_window");
  fields.requireOneOf("use_qk_norm", true);
  // The model class has no rule for single layers.
  fields.ignore("max_window_layers");
  return {
    ...common,
    ...readAttentionBias(fields),
    qkNorm: "head",
    windows: uses ? windowEverywhere(fields, common.layers) : noWindows(fields, common.layers),
  };
}

/** What both have: which layers have experts, and how they are chosen. */
function readRouted(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields);
  const experts = readExpertCount(fields, "num_experts", "num_local_experts");
  const step = fields.countOr(1, "decoder_sparse_step");
  const dense = new Set(fields.ids("mlp_only_layers"));
  return {
    ...common,
    experts,
    topK: fields.count("num_experts_per_tok"),
    expertWidth: fields.count("moe_intermediate_size"),
    router: { scoring: "softmax", renormalize: fields.flagOr(false, "norm_topk_prob"), scale: 1 },
    moeLayers: Array.from({ length: common.layers }, (_, layer) => !dense.has(layer) && (layer + 1) % step === 0),
  };
}

const qwen2Names: ModuleNames = {
  ...COMMON_NAMES,
  shared: mlpNames("model.layers.{layer}.mlp.shared_expert"),
  sharedGate: "model.layers.{layer}.mlp.shared_expert_gate",
};

export const qwen2Moe: Family = {
  modelType: "qwen2_moe",
  readConfig: readQwen2,
  names: { hub: qwen2Names, transformers: qwen2Names },
};

export const qwen3Moe: Family = {
  modelType: "qwen3_moe",
  readConfig: readQwen3,
  names: { hub: COMMON_NAMES, transformers: COMMON_NAMES },
};
