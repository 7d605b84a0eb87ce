/**
 * LFM2-MoE (arXiv:2511.23404): short convolutions in most layers and attention in the others, dense first layers, sigmoid scores with a
 * bias of the choice.
 */

import { FormatError, UnsupportedError } from "../../../../base/errors.ts";
import { readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { MixerKind, ModelConfig } from "../../model-config.ts";
import { bankNames, COMMON_NAMES, type MlpNames, type ModuleNames } from "../../module-names.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields, { rmsNormEps: 1e-5, ropeTheta: 1e6 });
  const { layers, rmsNormEps } = common;
  const dense = fields.indexOr(2, "num_dense_layers");
  const isBiased = fields.flagOr(false, "conv_bias");
  // Old fields of the dense models, which say the same again.
  fields.requireOneOf("use_pos_enc", true);
  fields.requireOneOf("theta", common.rope.theta);
  return {
    ...common,
    rmsNormEps: fields.positiveOr(rmsNormEps, "norm_eps"),
    qkNorm: "head",
    mixers: readMixers(fields, layers),
    conv: { taps: fields.countOr(3, "conv_L_cache"), biased: isBiased },
    ...(isBiased && { biased: ["convIn", "convOut"], needsBiases: true }),
    experts: readExpertCount(fields, "num_experts", "num_local_experts"),
    topK: fields.count("num_experts_per_tok"),
    expertWidth: fields.count("moe_intermediate_size"),
    router: {
      scoring: "sigmoid",
      renormalize: fields.flagOr(true, "norm_topk_prob"),
      epsilon: 1e-6,
      scale: fields.positiveOr(1, "routed_scaling_factor"),
      choice: { biased: fields.flagOr(true, "use_expert_bias"), groups: 1, topGroups: 1, groupBest: 1 },
    },
    moeLayers: Array.from({ length: layers }, (_, layer) => layer >= dense),
    tiedEmbeddings: fields.flagOr(fields.flagOr(true, "tie_word_embeddings"), "tie_embedding"),
  };
}

const KINDS: ReadonlyMap<string, MixerKind> = new Map([
  ["conv", "conv"],
  ["full_attention", "attention"],
]);

function readMixers(fields: ConfigFields, layers: number): readonly MixerKind[] {
  const where = `${fields.where}: layer_types`;
  const types = fields.texts("layer_types");
  if (types?.length !== layers)
    throw new FormatError(where, `found ${types?.length ?? "no"} entries, expected one for each of ${layers} layers`);
  return types.map((type) => {
    const kind = KINDS.get(type);
    if (kind === undefined) throw new UnsupportedError(where, type, [...KINDS.keys()]);
    return kind;
  });
}

const LAYER = "model.layers.{layer}";
const FEED = `${LAYER}.feed_forward`;

/** w1 is the gate, w3 the up projection. */
function feedNames(prefix: string): MlpNames {
  return { gate: `${prefix}.w1`, up: `${prefix}.w3`, down: `${prefix}.w2` };
}

const names: ModuleNames = {
  ...COMMON_NAMES,
  finalNorm: "model.embedding_norm",
  attentionNorm: `${LAYER}.operator_norm`,
  mlpNorm: `${LAYER}.ffn_norm`,
  attention: { ...COMMON_NAMES.attention, o: `${LAYER}.self_attn.out_proj` },
  queryNorm: `${LAYER}.self_attn.q_layernorm`,
  keyNorm: `${LAYER}.self_attn.k_layernorm`,
  conv: { convIn: `${LAYER}.conv.in_proj`, convOut: `${LAYER}.conv.out_proj`, filter: `${LAYER}.conv.conv` },
  router: `${FEED}.gate`,
  routerBias: `${FEED}.expert_bias`,
  expert: feedNames(`${FEED}.experts.{expert}`),
  banks: bankNames(`${FEED}.experts.gate_up_proj`, `${FEED}.experts.down_proj`),
  dense: feedNames(FEED),
};

export const lfm2Moe: Family = { modelType: "lfm2_moe", readConfig, names: { hub: names, transformers: names } };
