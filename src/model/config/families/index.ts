/** All families by `model_type`. To add one, add a file in `moe` or `dense`, a line here and a fixture. */
import { FormatError, ShapeError, UnsupportedError } from "../../../base/errors.ts";
import type { JsonObject } from "../../../base/json.ts";
import { ConfigFields } from "../config-fields.ts";
import type { Family } from "../family.ts";
import { checkLimits } from "../limits.ts";
import type { ModelConfig } from "../model-config.ts";
import { llama, mistral } from "./dense/llama.ts";
import { qwen2, qwen3 } from "./dense/qwen.ts";
import { deepseek } from "./moe/deepseek.ts";
import { deepseekV2, deepseekV3 } from "./moe/deepseek-latent.ts";
import { ernieMoe } from "./moe/ernie4-5-moe.ts";
import { glm4Moe } from "./moe/glm4-moe.ts";
import { gptOss } from "./moe/gpt-oss.ts";
import { graniteMoe, graniteMoeShared } from "./moe/granite-moe.ts";
import { lfm2Moe } from "./moe/lfm2-moe.ts";
import { mixtral } from "./moe/mixtral.ts";
import { olmoe } from "./moe/olmoe.ts";
import { qwen2Moe, qwen3Moe } from "./moe/qwen-moe.ts";

const ALL: readonly Family[] = [
  ...[mixtral, deepseek, qwen2Moe, qwen3Moe, olmoe, graniteMoe, graniteMoeShared],
  ...[deepseekV2, deepseekV3, lfm2Moe, gptOss, ernieMoe, glm4Moe],
  ...[llama, mistral, qwen2, qwen3],
];
const FAMILIES: ReadonlyMap<string, Family> = new Map(ALL.map((family) => [family.modelType, family]));

/** The family and the configuration of a parsed config.json; `where` names the file in errors. */
export function readModelConfig(json: JsonObject, where: string): { family: Family; config: ModelConfig } {
  const fields = new ConfigFields(json, where);
  const modelType = fields.text("model_type");
  if (modelType === undefined)
    throw new FormatError(`${where}: model_type`, "found nothing, expected the name of a family");
  const family = FAMILIES.get(modelType);
  if (family === undefined) throw new UnsupportedError(`${where}: model_type`, modelType, [...FAMILIES.keys()]);
  const config = family.readConfig(fields);
  fields.requireKnown();
  checkConfig(config, where);
  return { family, config };
}

function checkConfig(config: ModelConfig, where: string): void {
  if (config.heads % config.kvHeads !== 0)
    throw new ShapeError(
      `${where}: num_key_value_heads (must divide the query heads)`,
      [config.heads],
      [config.kvHeads],
    );
  if (config.headDim < 1)
    throw new FormatError(
      `${where}: num_attention_heads`,
      `found ${config.heads} heads for a width of ${config.hiddenSize}, expected no more heads than columns, or head_dim`,
    );
  if (config.rope.rotaryDim % 2 !== 0 || config.rope.rotaryDim < 2 || config.rope.rotaryDim > config.headDim)
    throw new FormatError(
      `${where}: head_dim`,
      `found ${config.headDim}, of which ${config.rope.rotaryDim} columns are rotated, expected an even number (RoPE rotates pairs of columns)`,
    );
  if (config.topK > config.experts)
    throw new FormatError(
      `${where}: num_experts_per_tok`,
      `found ${config.topK}, expected at most the number of experts, ${config.experts}`,
    );
  checkGroups(config, where);
  checkLimits(config, where);
}

function checkGroups({ experts, topK, router }: ModelConfig, where: string): void {
  if (router.choice === undefined) return;
  const { groups, topGroups, groupBest } = router.choice;
  const size = experts / groups;
  if (!Number.isInteger(size) || (groups > 1 && size < groupBest))
    throw new FormatError(`${where}: n_group`, `found ${groups} groups of ${experts} experts, expected equal groups`);
  if (topGroups > groups || topGroups * size < topK)
    throw new FormatError(
      `${where}: topk_group`,
      `found ${topGroups} of ${groups} groups of ${size} experts, expected groups with at least ${topK} experts`,
    );
}
