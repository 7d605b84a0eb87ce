/** Mixtral (Jiang et al. 2024, arXiv:2401.04088): every layer MoE, softmax over all experts, top-k always renormalised. */

import type { Projection } from "../../../tensor/linear-shape.ts";
import type { ConfigFields } from "../config-fields.ts";
import { LIMITS } from "../limits.ts";
import type { ModelConfig } from "../model-config.ts";
import { type Family, readCommon } from "./family.ts";

/** The hub's names of the three linears: w1 is the gate, w3 the up projection. */
const HUB: Readonly<Record<string, string>> = { gate: "w1", up: "w3", down: "w2" };

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

const none = (): never => {
  throw new Error("Mixtral has neither shared experts nor dense layers");
};

export const mixtral: Family = {
  modelType: "mixtral",
  readConfig,
  names: {
    hub: {
      router: "block_sparse_moe.gate",
      expert: (expert: number, projection: Projection) => `block_sparse_moe.experts.${expert}.${HUB[projection]}`,
      shared: none,
      dense: none,
    },
    transformers: {
      router: "mlp.gate",
      expert: (expert: number, projection: Projection) => `mlp.experts.${expert}.${projection}_proj`,
      shared: none,
      dense: none,
    },
  },
};
