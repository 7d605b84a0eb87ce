/** Qwen2 (arXiv:2407.10671; also Qwen2.5) and Qwen3 (arXiv:2505.09388): dense models whose upper layers may have a sliding window. */

import { readAttentionBias, readCommon } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES } from "../../module-names.ts";
import { layersWith, noWindows } from "../../window-fields.ts";

function readQwen2(fields: ConfigFields): ModelConfig {
  // Every model of this family has biases of q, k and v and none of o.
  fields.requireOneOf("qkv_bias", true);
  return { ...readWindowed(fields), biased: ["q", "k", "v"], needsBiases: true };
}

function readQwen3(fields: ConfigFields): ModelConfig {
  fields.requireOneOf("use_qk_norm", true);
  return { ...readWindowed(fields), ...readAttentionBias(fields), qkNorm: "head" };
}

function readWindowed(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields);
  const first = fields.indexOr(28, "max_window_layers");
  const uses = fields.flagOr(false, "use_sliding_window");
  const { layers } = common;
  return {
    ...common,
    windows: uses ? layersWith(fields, layers, (layer) => layer >= first) : noWindows(fields, layers),
  };
}

const names = { hub: COMMON_NAMES, transformers: COMMON_NAMES };

export const qwen2: Family = { modelType: "qwen2", readConfig: readQwen2, names };

export const qwen3: Family = { modelType: "qwen3", readConfig: readQwen3, names };
