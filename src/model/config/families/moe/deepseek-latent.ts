/**
 * DeepSeek-V2 (arXiv:2405.04434) and DeepSeek-V3 (arXiv:2412.19437): latent attention, and experts in groups. V3 scores experts by
 * sigmoid, and a bias changes the choice.
 */

import type { RouterRule } from "../../../../nn/mlp.ts";
import { readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { MixerKind, ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES, type ModuleNames, mlpNames } from "../../module-names.ts";
import { latentScale, readRope } from "../../rope-fields.ts";

function readLatent(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields);
  const { layers, heads, maxPositions } = common;
  const plain = fields.count("qk_nope_head_dim");
  const rotary = fields.count("qk_rope_head_dim");
  const rope = readRope(fields, { headDim: rotary, maxPositions, theta: 1e4 });
  const expertWidth = fields.count("moe_intermediate_size");
  const sharedExperts = fields.indexOr(0, "n_shared_experts");
  const firstMoe = fields.indexOr(0, "first_k_dense_replace");
  const every = fields.countOr(1, "moe_layer_freq");
  // Layers that predict further tokens come after the others and are not run. head_dim repeats the rotated width.
  fields.ignore("num_nextn_predict_layers", "head_dim", "qk_head_dim", "num_key_value_heads");
  return {
    ...common,
    kvHeads: heads,
    headDim: plain + rotary,
    valueDim: fields.count("v_head_dim"),
    mixers: Array<MixerKind>(layers).fill("latent"),
    latent: {
      queryRank: fields.has("q_lora_rank") ? fields.count("q_lora_rank") : null,
      rank: fields.count("kv_lora_rank"),
      plain,
    },
    rope,
    ropePairs: fields.flagOr(true, "rope_interleave"),
    attentionScale: latentScale(fields, rope) / Math.sqrt(plain + rotary),
    ...(fields.flagOr(false, "attention_bias") && { biased: ["qDown", "kvDown", "o"], needsBiases: true }),
    experts: readExpertCount(fields, "n_routed_experts"),
    topK: fields.count("num_experts_per_tok"),
    ...{ expertWidth, sharedExperts, sharedWidth: sharedExperts * expertWidth },
    moeLayers: Array.from({ length: layers }, (_, layer) => layer >= firstMoe && layer % every === 0),
  };
}

function readSecond(fields: ConfigFields): ModelConfig {
  fields.requireOneOf("scoring_func", "softmax");
  fields.requireOneOf("topk_method", "greedy", "group_limited_greedy");
  // Implementations differ in what true means here, and no published model has it.
  fields.requireOneOf("norm_topk_prob", false);
  const grouped = fields.text("topk_method") === "group_limited_greedy";
  const groups = { groups: fields.countOr(1, "n_group"), topGroups: fields.countOr(1, "topk_group") };
  const router: RouterRule = {
    scoring: "softmax",
    renormalize: false,
    scale: fields.positiveOr(1, "routed_scaling_factor"),
    ...(grouped && { choice: { biased: false, ...groups, groupBest: 1 } }),
  };
  return { ...readLatent(fields), router };
}

function readThird(fields: ConfigFields): ModelConfig {
  fields.requireOneOf("scoring_func", "sigmoid");
  fields.requireOneOf("topk_method", "noaux_tc");
  return { ...readLatent(fields), router: readScoredRouter(fields, { groups: 8, topGroups: 4, scale: 2.5 }) };
}

/** Values of a family for fields that a config.json may leave out. */
interface RouterDefaults {
  readonly groups: number;
  readonly topGroups: number;
  readonly scale: number;
}

/** The router of DeepSeek-V3, which GLM 4.5 has as well. */
export function readScoredRouter(fields: ConfigFields, usual: RouterDefaults): RouterRule {
  return {
    scoring: "sigmoid",
    renormalize: fields.flagOr(true, "norm_topk_prob"),
    epsilon: 1e-20,
    scale: fields.positiveOr(usual.scale, "routed_scaling_factor"),
    choice: {
      biased: true,
      groups: fields.countOr(usual.groups, "n_group"),
      topGroups: fields.countOr(usual.topGroups, "topk_group"),
      groupBest: 2,
    },
  };
}

const ATTENTION = "model.layers.{layer}.self_attn";

const names: ModuleNames = {
  ...COMMON_NAMES,
  latent: {
    qDown: `${ATTENTION}.q_a_proj`,
    queryNorm: `${ATTENTION}.q_a_layernorm`,
    qUp: `${ATTENTION}.q_b_proj`,
    kvDown: `${ATTENTION}.kv_a_proj_with_mqa`,
    latentNorm: `${ATTENTION}.kv_a_layernorm`,
    kvUp: `${ATTENTION}.kv_b_proj`,
  },
  routerBias: "model.layers.{layer}.mlp.gate.e_score_correction_bias",
  shared: mlpNames("model.layers.{layer}.mlp.shared_experts"),
};

export const deepseekV2: Family = {
  modelType: "deepseek_v2",
  readConfig: readSecond,
  names: { hub: names, transformers: names },
};

export const deepseekV3: Family = {
  modelType: "deepseek_v3",
  readConfig: readThird,
  names: { hub: names, transformers: names },
};
