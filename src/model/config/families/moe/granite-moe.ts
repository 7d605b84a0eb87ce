/**
 * Granite 3 MoE (arXiv:2408.13359 for the scaling): experts in every layer, stored as one tensor for each layer, and factors on embedding,
 * attention, residual branches and logits. `granitemoeshared` has a shared expert as well.
 */

import { expertsEverywhere, readAttentionBias, readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { bankNames, COMMON_NAMES, type ModuleNames, mlpNames } from "../../module-names.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields);
  const experts = {
    experts: readExpertCount(fields, "num_local_experts", "num_experts"),
    topK: fields.count("num_experts_per_tok"),
    expertWidth: common.denseWidth,
    // The softmax over the chosen logits alone.
    router: { scoring: "softmax", renormalize: true, scale: 1 },
  } as const;
  return {
    ...common,
    ...expertsEverywhere(common, experts),
    ...readAttentionBias(fields),
    // A file without these fields means 1, for the attention too.
    attentionScale: fields.positiveOr(1, "attention_multiplier"),
    embeddingScale: fields.positiveOr(1, "embedding_multiplier"),
    residualScale: fields.positiveOr(1, "residual_multiplier"),
    logitScale: 1 / fields.positiveOr(1, "logits_scaling"),
  };
}

function readShared(fields: ConfigFields): ModelConfig {
  const sharedWidth = fields.indexOr(1024, "shared_intermediate_size");
  return { ...readConfig(fields), sharedExperts: sharedWidth > 0 ? 1 : 0, sharedWidth };
}

const MOE = "model.layers.{layer}.block_sparse_moe";
const SHARED = "model.layers.{layer}.shared_mlp";

const names: ModuleNames = {
  ...COMMON_NAMES,
  router: `${MOE}.router`,
  expert: mlpNames(`${MOE}.experts.{expert}`),
  banks: bankNames(`${MOE}.experts.gate_up_proj`, `${MOE}.experts.down_proj`),
  shared: mlpNames(SHARED),
  sharedBanks: bankNames(`${SHARED}.input_linear.weight`, `${SHARED}.output_linear.weight`),
};

const hubNames: ModuleNames = {
  ...names,
  router: `${MOE}.router.layer`,
  banks: bankNames(`${MOE}.input_linear.weight`, `${MOE}.output_linear.weight`),
};

export const graniteMoe: Family = {
  modelType: "granitemoe",
  readConfig,
  names: { hub: hubNames, transformers: names },
};

export const graniteMoeShared: Family = {
  modelType: "granitemoeshared",
  readConfig: readShared,
  names: { hub: hubNames, transformers: names },
};
