/** Mixtral (Jiang et al. 2024, arXiv:2401.04088): all layers are MoE, softmax over all experts, top-k always renormalised. */

import { expertsEverywhere, readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES } from "../../module-names.ts";
import { windowEverywhere } from "../../window-fields.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields, { rmsNormEps: 1e-5, ropeTheta: 1e6 });
  const experts = {
    experts: readExpertCount(fields, "num_local_experts"),
    topK: fields.count("num_experts_per_tok"),
    expertWidth: fields.count("intermediate_size"),
    router: { scoring: "softmax", renormalize: true, scale: 1 },
  } as const;
  return { ...common, ...expertsEverywhere(common, experts), windows: windowEverywhere(fields, common.layers) };
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
    transformers: COMMON_NAMES,
  },
};
