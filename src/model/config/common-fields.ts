/** Reads the fields of config.json that all families share, and sets every feature that a family may have to "none". */

import { FormatError, UnsupportedError } from "../../base/errors.ts";
import type { ConfigFields } from "./config-fields.ts";
import { LIMITS } from "./limits.ts";
import type { MixerKind, ModelConfig } from "./model-config.ts";
import { readRope } from "./rope-fields.ts";

/** Values of a family for fields that a config.json may leave out. */
export interface FamilyDefaults {
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
}

const USUAL: FamilyDefaults = { rmsNormEps: 1e-6, ropeTheta: 1e4 };

/**
 * The configuration of a dense model without any feature: attention with RoPE, then an MLP of `intermediate_size` columns. A family
 * overrides what differs.
 */
export function readCommon(fields: ConfigFields, defaults: FamilyDefaults = USUAL): ModelConfig {
  fields.requireOneOf("hidden_act", "silu", "swish");
  const hiddenSize = fields.count("hidden_size");
  const heads = fields.count("num_attention_heads");
  const headDim = fields.countOr(Math.floor(hiddenSize / heads), "head_dim");
  const layers = fields.countUpTo(LIMITS.layers, "num_hidden_layers");
  const maxPositions = fields.count("max_position_embeddings");
  return {
    modelType: fields.text("model_type") as string,
    ...{ layers, hiddenSize, heads, headDim, maxPositions },
    vocabSize: fields.count("vocab_size"),
    kvHeads: fields.countOr(heads, "num_key_value_heads"),
    rmsNormEps: fields.positiveOr(defaults.rmsNormEps, "rms_norm_eps"),
    rope: readRope(fields, { headDim, maxPositions, theta: defaults.ropeTheta }),
    windows: Array<null>(layers).fill(null),
    valueDim: headDim,
    mixers: Array<MixerKind>(layers).fill("attention"),
    ...NO_FEATURES,
    attentionScale: 1 / Math.sqrt(headDim),
    ...NO_EXPERTS,
    denseWidth: fields.count("intermediate_size"),
    moeLayers: Array<boolean>(layers).fill(false),
    // If the field is missing, it is false for all families here, as in transformers.
    tiedEmbeddings: fields.flagOr(false, "tie_word_embeddings"),
    bosId: fields.ids("bos_token_id")[0],
    eosIds: fields.ids("eos_token_id"),
  };
}

const NO_FEATURES = {
  latent: null,
  conv: null,
  sinks: false,
  ropePairs: false,
  clampedSwiglu: null,
  qkNorm: "none",
  clipQkv: null,
  embeddingScale: 1,
  residualScale: 1,
  logitScale: 1,
  biased: [],
  needsBiases: false,
} as const;

const NO_EXPERTS = {
  experts: 0,
  topK: 0,
  expertWidth: 0,
  sharedExperts: 0,
  sharedWidth: 0,
  sharedGate: false,
  router: { scoring: "softmax", renormalize: false, scale: 1 },
} as const;

/** The experts of a model in which every layer is MoE. */
export function expertsEverywhere(
  { layers }: ModelConfig,
  experts: Pick<ModelConfig, "experts" | "topK" | "expertWidth" | "router">,
): Partial<ModelConfig> {
  return { ...experts, denseWidth: 0, moeLayers: Array<boolean>(layers).fill(true) };
}

/**
 * Number of experts, from whichever of the fields are present. It is bounded, because names of all experts are built before any tensor
 * is read.
 */
export function readExpertCount(fields: ConfigFields, ...keys: readonly string[]): number {
  const experts = fields.count(...keys);
  const other = keys.find((key) => fields.countOr(experts, key) !== experts);
  if (other !== undefined) {
    const found = `found ${fields.count(other)} beside ${keys.find((key) => fields.has(key))} ${experts}`;
    throw new FormatError(`${fields.where}: ${other}`, `${found}, expected the same number`);
  }
  if (experts <= LIMITS.experts) return experts;
  throw new UnsupportedError(`${fields.where}: ${keys[0]}`, String(experts), [`at most ${LIMITS.experts}`]);
}

/** `attention_bias`: whether q, k, v and o have biases. */
export function readAttentionBias(fields: ConfigFields): Pick<ModelConfig, "biased" | "needsBiases"> {
  return fields.flagOr(false, "attention_bias")
    ? { biased: ["q", "k", "v", "o"], needsBiases: true }
    : { biased: [], needsBiases: false };
}
