/** The reference pass of whichever family a configuration names. */
import { deepseekLatent } from "./deepseek-latent.ts";
import { ernie } from "./ernie4-5-moe.ts";
import { glm4Moe } from "./glm4-moe.ts";
import { gptOss } from "./gpt-oss.ts";
import { lfm2Moe } from "./lfm2-moe.ts";
import type { Checkpoint, Reference } from "./parts.ts";
import { standard } from "./standard.ts";

type Pass = (config: never, checkpoint: Checkpoint, ids: ArrayLike<number>) => Reference;

const PASSES: Readonly<Record<string, Pass>> = {
  deepseek_v2: deepseekLatent,
  deepseek_v3: deepseekLatent,
  ernie4_5_moe: ernie,
  glm4_moe: glm4Moe,
  gpt_oss: gptOss,
  lfm2_moe: lfm2Moe,
};

/** @param json a config.json in the hub's spelling. */
export function reference(json: object, checkpoint: Checkpoint, ids: ArrayLike<number>): Reference {
  const { model_type: type } = json as { readonly model_type: string };
  const pass = PASSES[type] ?? (standard as Pass);
  return pass(json as never, checkpoint, ids);
}
