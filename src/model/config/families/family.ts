/** Defines what a family of models is: how its config.json is translated for the forward pass, and how its tensors are named. */

import type { ConfigFields } from "../config-fields.ts";
import { LIMITS } from "../limits.ts";
import type { ModelConfig } from "../model-config.ts";
import type { ModuleNames, Spelling } from "../module-names.ts";

/** One kind of model: its `model_type`, a reader of its configuration, and its module names in each spelling. */
export interface Family {
  readonly modelType: string;
  readConfig(fields: ConfigFields): ModelConfig;
  readonly names: Readonly<Record<Spelling, ModuleNames>>;
}

/** Reads the fields that all families share; a family may override them. */
export function readCommon(fields: ConfigFields): Omit<ModelConfig, FamilyFields> {
  fields.requireOneOf("hidden_act", "silu");
  fields.requireOneOf("attention_bias", false);
  const hiddenSize = fields.count("hidden_size");
  const heads = fields.count("num_attention_heads");
  return {
    modelType: fields.text("model_type") as string,
    layers: fields.countUpTo(LIMITS.layers, "num_hidden_layers"),
    hiddenSize,
    vocabSize: fields.count("vocab_size"),
    heads,
    kvHeads: fields.countOr(heads, "num_key_value_heads"),
    headDim: fields.countOr(Math.floor(hiddenSize / heads), "head_dim"),
    rmsNormEps: fields.positiveOr(1e-6, "rms_norm_eps"),
    ...readRope(fields),
    slidingWindow: null,
    maxPositions: fields.count("max_position_embeddings"),
    // No family here has linears with biases.
    biased: [],
    sharedGate: false,
    // If the field is missing, it is false for all families here, as in transformers.
    tiedEmbeddings: fields.flagOr(false, "tie_word_embeddings"),
    bosId: fields.ids("bos_token_id")[0],
    eosIds: fields.ids("eos_token_id"),
  };
}

type FamilyFields =
  | "experts"
  | "topK"
  | "expertWidth"
  | "sharedExperts"
  | "sharedWidth"
  | "denseWidth"
  | "renormalize"
  | "routedScale"
  | "moeLayers";

/** Files on the hub have `rope_theta` and `rope_scaling` at the top level; transformers 5 writes `rope_parameters`. */
function readRope(fields: ConfigFields): { ropeTheta: number; ropeFactor: number } {
  const parameters = fields.object("rope_parameters");
  const ropeTheta = parameters?.has("rope_theta")
    ? parameters.positiveOr(1e4, "rope_theta")
    : fields.positiveOr(1e4, "rope_theta");
  const scaling = parameters ?? fields.object("rope_scaling");
  if (scaling === undefined) return { ropeTheta, ropeFactor: 1 };
  const key = scaling.has("rope_type") ? "rope_type" : "type";
  scaling.requireOneOf(key, "default", "linear");
  return { ropeTheta, ropeFactor: scaling.text(key) === "linear" ? scaling.positiveOr(1, "factor") : 1 };
}
