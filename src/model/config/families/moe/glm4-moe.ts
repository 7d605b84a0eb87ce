/** GLM 4.5 (arXiv:2508.06471): RoPE on a part of each head, routers as in DeepSeek-V3, shared experts, dense first layers. */

import { readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES, type ModuleNames, mlpNames } from "../../module-names.ts";
import { readRope } from "../../rope-fields.ts";
import { readScoredRouter } from "./deepseek-latent.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields, { rmsNormEps: 1e-5, ropeTheta: 1e4 });
  const { headDim, maxPositions, layers } = common;
  const expertWidth = fields.count("moe_intermediate_size");
  const sharedExperts = fields.indexOr(1, "n_shared_experts");
  const firstMoe = fields.indexOr(1, "first_k_dense_replace");
  // Layers that predict further tokens come after the others and are not run.
  fields.ignore("num_nextn_predict_layers");
  return {
    ...common,
    rope: readRope(fields, { headDim, maxPositions, theta: 1e4, part: 0.5 }),
    qkNorm: fields.flagOr(false, "use_qk_norm") ? "head" : "none",
    ...(fields.flagOr(false, "attention_bias") && { biased: ["q", "k", "v"], needsBiases: true }),
    experts: readExpertCount(fields, "n_routed_experts"),
    topK: fields.count("num_experts_per_tok"),
    ...{ expertWidth, sharedExperts, sharedWidth: sharedExperts * expertWidth },
    router: readScoredRouter(fields, { groups: 1, topGroups: 1, scale: 1 }),
    moeLayers: Array.from({ length: layers }, (_, layer) => layer >= firstMoe),
  };
}

const names: ModuleNames = {
  ...COMMON_NAMES,
  routerBias: "model.layers.{layer}.mlp.gate.e_score_correction_bias",
  shared: mlpNames("model.layers.{layer}.mlp.shared_experts"),
};

export const glm4Moe: Family = { modelType: "glm4_moe", readConfig, names: { hub: names, transformers: names } };
