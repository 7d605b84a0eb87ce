/**
 * gpt-oss (arXiv:2508.10925): attention with sinks and biases, windows in every other layer, experts with biases and limits in SwiGLU,
 * stored as MXFP4 or as floats in two tensors for each layer, whose rows of gate and up alternate.
 */

import { expertsEverywhere, readCommon, readExpertCount } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { bankNames, COMMON_NAMES, type ModuleNames } from "../../module-names.ts";
import { layersWith } from "../../window-fields.ts";

function readConfig(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields, { rmsNormEps: 1e-5, ropeTheta: 1.5e5 });
  const limit = fields.positiveOr(7, "swiglu_limit");
  // They repeat other fields.
  fields.ignore("initial_context_length");
  const experts = {
    experts: readExpertCount(fields, "num_local_experts", "num_experts"),
    topK: fields.count("num_experts_per_tok", "experts_per_token"),
    expertWidth: common.denseWidth,
    // The softmax over the chosen logits alone.
    router: { scoring: "softmax", renormalize: true, scale: 1 },
  } as const;
  fields.requireOneOf("experts_per_token", experts.topK);
  const attention = fields.flagOr(true, "attention_bias") ? (["q", "k", "v", "o"] as const) : [];
  return {
    ...common,
    ...expertsEverywhere(common, experts),
    sinks: true,
    clampedSwiglu: { alpha: fields.positiveOr(1.702, "swiglu_alpha"), limit },
    biased: [...attention, "router", "gate", "up", "down"],
    needsBiases: true,
    windows: layersWith(fields, common.layers, (layer) => layer % 2 === 0),
  };
}

const MLP = "model.layers.{layer}.mlp";
const banks = bankNames(`${MLP}.experts.gate_up_proj`, `${MLP}.experts.down_proj`);
const gateUp = { alternate: true, transposed: true, bias: `${MLP}.experts.gate_up_proj_bias` };

const names: ModuleNames = {
  ...COMMON_NAMES,
  sinks: "model.layers.{layer}.self_attn.sinks",
  router: `${MLP}.router`,
  banks: {
    gate: { ...banks.gate, ...gateUp },
    up: { ...banks.up, ...gateUp },
    down: { ...banks.down, transposed: true, bias: `${MLP}.experts.down_proj_bias` },
  },
};

export const gptOss: Family = { modelType: "gpt_oss", readConfig, names: { hub: names, transformers: names } };
