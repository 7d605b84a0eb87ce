/** Llama (arXiv:2302.13971, arXiv:2407.21783) and Mistral (arXiv:2310.06825): dense models; the latter may have a sliding window. */

import { readAttentionBias, readCommon } from "../../common-fields.ts";
import type { ConfigFields } from "../../config-fields.ts";
import type { Family } from "../../family.ts";
import type { ModelConfig } from "../../model-config.ts";
import { COMMON_NAMES } from "../../module-names.ts";
import { windowEverywhere } from "../../window-fields.ts";

function readLlama(fields: ConfigFields): ModelConfig {
  const { biased } = readAttentionBias(fields);
  const ofMlp = fields.flagOr(false, "mlp_bias") ? (["gate", "up", "down"] as const) : [];
  return { ...readCommon(fields), biased: [...biased, ...ofMlp], needsBiases: true };
}

function readMistral(fields: ConfigFields): ModelConfig {
  const common = readCommon(fields);
  return { ...common, windows: windowEverywhere(fields, common.layers) };
}

const names = { hub: COMMON_NAMES, transformers: COMMON_NAMES };

export const llama: Family = { modelType: "llama", readConfig: readLlama, names };

export const mistral: Family = { modelType: "mistral", readConfig: readMistral, names };
