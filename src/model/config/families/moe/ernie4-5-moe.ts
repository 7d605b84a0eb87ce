/**
 * ERNIE 4.5 (Baidu, 2025): interleaved RoPE, experts in a range of layers, softmax scores with a bias of the choice, shared experts.
 */

import { readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES, type ModuleNames, mlpNames } from "../../module-names.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields, { rmsNormEps: 1e-5, ropeTheta: 5e5 });
  const { layers } = common;
  const expertWidth = fields.count("moe_intermediate_size");
  const sharedExperts = fields.indexOr(2, "moe_num_shared_experts");
  const first = fields.indexOr(1, "moe_layer_start_index");
  const last = fields.numberOr(-1, "moe_layer_end_index");
  const every = fields.countOr(1, "moe_layer_interval");
  const isMoe = (layer: number) => layer >= first && (last === -1 || layer <= last) && (layer + 1) % every === 0;
  fields.requireOneOf("moe_gate", "topk");
  // They concern training, and layers that predict further tokens, which are not run.
  fields.ignore("moe_capacity", "moe_use_aux_free", "moe_norm_min", "num_nextn_predict_layers");
  return {
    ...common,
    ropePairs: true,
    biased: fields.flagOr(false, "use_bias") ? ["q", "k", "v", "o", "gate", "up", "down", "head"] : [],
    experts: readExpertCount(fields, "moe_num_experts", "num_experts"),
    topK: fields.count("moe_k", "num_experts_per_tok"),
    ...{ expertWidth, sharedExperts, sharedWidth: sharedExperts * expertWidth },
    router: {
      ...{ scoring: "softmax", renormalize: true, scale: 1 },
      choice: { biased: true, groups: 1, topGroups: 1, groupBest: 1 },
    },
    moeLayers: Array.from({ length: layers }, (_, layer) => isMoe(layer)),
    tiedEmbeddings: fields.flagOr(true, "tie_word_embeddings"),
  };
}

const MLP = "model.layers.{layer}.mlp";

const names: ModuleNames = {
  ...COMMON_NAMES,
  routerBias: `${MLP}.moe_statics.e_score_correction_bias`,
  shared: mlpNames(`${MLP}.shared_experts`),
};

export const ernieMoe: Family = {
  modelType: "ernie4_5_moe",
  readConfig,
  names: { hub: names, transformers: { ...names, routerBias: `${MLP}.gate.moe_statics.e_score_correction_bias` } },
};
