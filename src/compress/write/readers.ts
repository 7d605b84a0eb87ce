/**
 * States which other programs load a written folder. Tried with GPTQModel 7.7.0 and transformers 5.24 (torch on a CPU), whose logits
 * were compared with Quern's, at 2, 3, 4, 8 and mixed bits, symmetric and asymmetric, in groups and whole rows.
 */
import { UsageError } from "../../base/errors.ts";
import type { Family } from "../../model/config/family.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelShapes } from "../recipe/model-shapes.ts";
import { shapesUnder } from "../recipe/outer-bits.ts";
import type { ModuleSetting } from "../recipe/settings.ts";

const GPTQMODEL = "GPTQModel 7.7";
/** Model types that transformers only supports with the checkpoint's own code. */
const NEEDS_OWN_CODE: readonly string[] = ["deepseek"];

/** Model types whose folders GPTQModel was seen to load, with a quantised head too; its logits were Quern's within 0.01 of 1. */
const TRIED: readonly string[] = [
  ...["mixtral", "qwen2_moe", "qwen3_moe", "olmoe", "deepseek_v2", "deepseek_v3"],
  ...["llama", "mistral", "qwen2", "qwen3"],
];
/** Model types of which GPTQModel did not load every tensor, or failed, though transformers computes the float folder as Quern does. */
const FAILED: readonly string[] = ["ernie4_5_moe", "glm4_moe", "lfm2_moe"];
/** Model types whose experts GPTQModel expects in tensors of their own form, not as separate linears. */
const FUSED_EXPERTS: readonly string[] = ["granitemoe", "granitemoeshared"];

/** Model types without experts. */
const DENSE: readonly string[] = ["llama", "mistral", "qwen2", "qwen3"];

/** One sentence per program about this folder. */
export function readersOf({ modelType, names }: Pick<Family, "modelType" | "names">, spelling: Spelling): string[] {
  const others = DENSE.includes(modelType)
    ? "transformers alone (5.24) reads one width for all linears (not tried)"
    : "transformers alone (5.24) leaves the experts of GPTQ folders unset, without an error";
  if (NEEDS_OWN_CODE.includes(modelType))
    return [`${GPTQMODEL} needs the model's own code for it: transformers knows no model type ${modelType}`, others];
  if (!isPortable({ names }, spelling))
    return [
      `${GPTQMODEL} refuses these expert names; it loads those of --names transformers (or --profile portable)`,
      "vLLM and SGLang expect these names, and one width for all experts of a layer (not tried)",
      others,
    ];
  if (FUSED_EXPERTS.includes(modelType))
    return [`${GPTQMODEL} has no separate experts for ${modelType}, so only Quern loads this folder`, others];
  if (FAILED.includes(modelType))
    return [`${GPTQMODEL} does not run ${modelType} rightly (tried), so only Quern does`, others];
  if (TRIED.includes(modelType)) return [`${GPTQMODEL} loads it, whatever the bits`, others];
  return [`${GPTQMODEL} expects these names for ${modelType} (not tried)`, others];
}

/** The spelling that GPTQModel loads. @throws UsageError if a different spelling is requested. */
export function portableNames(family: Pick<Family, "names" | "modelType">, wish: Spelling | undefined): Spelling {
  if (FUSED_EXPERTS.includes(family.modelType))
    throw new UsageError(
      "--profile",
      `portable with ${family.modelType}`,
      "native: other programs have no separate experts for this family",
    );
  if (wish !== undefined && !isPortable(family, wish))
    throw new UsageError(
      "--profile",
      `portable with --names ${wish}`,
      `--names transformers, which ${GPTQMODEL} loads`,
    );
  return wish ?? "transformers";
}

/** Refuses settings that only Quern reads. @throws UsageError naming the module. */
export function checkPortable(shapes: ModelShapes, modules: ReadonlyMap<string, ModuleSetting>): void {
  for (const { name, role, rows } of shapesUnder(shapes, modules).linears) {
    const bits = modules.get(name)?.bits ?? 16;
    if (bits === 16) continue;
    if (role === "embedding") throw new UsageError(`${name}: bits`, `${bits} in the portable profile`, "16, or native");
    const outputs = bits === 3 ? 32 : 32 / bits;
    if (rows % outputs !== 0)
      throw new UsageError(
        `${name}: bits`,
        `${bits} in the portable profile`,
        `16, or native, since its ${rows} outputs are not a multiple of ${outputs}`,
      );
  }
}

/** Whether GPTQModel loads this spelling. In some families both spellings are the same. */
function isPortable({ names }: Pick<Family, "names">, spelling: Spelling): boolean {
  const told = (each: Spelling) => JSON.stringify([names[each].router, names[each].expert.gate]);
  return told(spelling) === told("transformers");
}
