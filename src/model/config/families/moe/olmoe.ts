/** OLMoE (arXiv:2409.02060): experts in every layer, norms over the whole rows of queries and keys, and a limit of q, k and v. */

import { expertsEverywhere, readAttentionBias, readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES } from "../../module-names.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields, { rmsNormEps: 1e-5, ropeTheta: 1e4 });
  const experts = {
    experts: readExpertCount(fields, "num_experts", "num_local_experts"),
    topK: fields.count("num_experts_per_tok"),
    expertWidth: common.denseWidth,
    router: { scoring: "softmax", renormalize: fields.flagOr(false, "norm_topk_prob"), scale: 1 },
  } as const;
  return {
    ...common,
    ...expertsEverywhere(common, experts),
    ...readAttentionBias(fields),
    qkNorm: "row",
    clipQkv: fields.has("clip_qkv") ? fields.positive("clip_qkv") : null,
  };
}

export const olmoe: Family = {
  modelType: "olmoe",
  readConfig,
  names: { hub: COMMON_NAMES, transformers: COMMON_NAMES },
};
