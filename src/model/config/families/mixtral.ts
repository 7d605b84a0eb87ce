/** Mixtral (Jiang et al. 2024, arXiv:2401.04088): all layers are MoE, softmax over all experts, top-k always renormalised. */

import type { ConfigFields } from "../config-fields.ts";
import { LIMITS } from "../limits.ts";
import type { ModelConfig } from "../model-config.ts";
import { COMMON_NAMES, mlpNames } from "../module-names.ts";
import { type Family, readCommon } from "./family.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields);
  return {
    ...common,
    slidingWindow: fields.has("sliding_window") ? fields.count("sliding_window") : null,
    experts: fields.countUpTo(LIMITS.experts, "num_local_experts"),
    topK: fields.count("num_experts_per_tok"),
    expertWidth: fields.count("intermediate_size"),
    sharedExperts: 0,
    sharedWidth: 0,
    denseWidth: 0,
    renormalize: true,
    routedScale: 1,
    moeLayers: Array(common.layers).fill(true),
  };
}

const EXPERT = "model.layers.{layer}.block_sparse_moe.experts.{expert}";

export const mixtral: Family = {
  modelType: "mixtral",
  readConfig,
  names: {
    hub: {
      ...COMMON_NAMES,
      router: "model.layers.{layer}.block_sparse_moe.gate",
      // w1 is the gate, w3 the up projection.
      expert: { gate: `${EXPERT}.w1`, up: `${EXPERT}.w3`, down: `${EXPERT}.w2` },
    },
    transformers: {
      ...COMMON_NAMES,
      router: "model.layers.{layer}.mlp.gate",
      expert: mlpNames("model.layers.{layer}.mlp.experts.{expert}"),
    },
  },
};
