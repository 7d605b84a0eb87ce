/** DeepSeek-MoE v1 (Dai et al. 2024, arXiv:2401.06066): many small routed experts, shared experts, and dense first layers. */

import { readAttentionBias, readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES, type ModuleNames, mlpNames } from "../../module-names.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields);
  fields.requireOneOf("scoring_func", "softmax");
  const sharedExperts = fields.indexOr(0, "n_shared_experts");
  const firstMoe = fields.indexOr(0, "first_k_dense_replace");
  const every = fields.countOr(1, "moe_layer_freq");
  // A file without routed experts describes a dense model.
  if (!fields.has("n_routed_experts")) {
    fields.ignore("num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob", "routed_scaling_factor");
    return { ...common, ...readAttentionBias(fields) };
  }
  const topK = fields.count("num_experts_per_tok");
  const expertWidth = fields.count("moe_intermediate_size");
  return {
    ...common,
    ...readAttentionBias(fields),
    experts: readExpertCount(fields, "n_routed_experts"),
    topK,
    expertWidth,
    sharedExperts,
    // The shared experts of a layer are stored and computed as one MLP.
    sharedWidth: sharedExperts * expertWidth,
    router: {
      scoring: "softmax",
      renormalize: topK > 1 && fields.flagOr(false, "norm_topk_prob"),
      scale: fields.positiveOr(1, "routed_scaling_factor"),
    },
    moeLayers: Array.from({ length: common.layers }, (_, layer) => layer >= firstMoe && layer % every === 0),
  };
}

const names: ModuleNames = {
  ...COMMON_NAMES,
  shared: mlpNames("model.layers.{layer}.mlp.shared_experts"),
};

export const deepseek: Family = { modelType: "deepseek", readConfig, names: { hub: names, transformers: names } };
