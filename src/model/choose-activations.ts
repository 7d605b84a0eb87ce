/** Chooses and checks the arithmetic of a model's linears. */
import { UsageError } from "../base/errors.ts";
import type { Activations, EngineActivations } from "../nn/emit.ts";
import type { StoredLinear } from "./weights/locate.ts";

/** The arithmetic of a model unless another is asked for: int8 if any weights are codes or blocks, f32 if all are float or of a small float format. */
export function defaultMode(linears: readonly Pick<StoredLinear, "stored">[]): "int8" | "f32" {
  const isInteger = ({ stored }: Pick<StoredLinear, "stored">) =>
    stored.kind === "blocks" || (stored.kind === "packed" && stored.isFloatFormat !== true);
  return linears.some(isInteger) ? "int8" : "f32";
}

/** The arithmetic that the options ask for, or the default. @throws UsageError for unknown options. */
export function chooseActivations(
  linears: readonly Pick<StoredLinear, "stored">[],
  options: { readonly activations?: EngineActivations["mode"]; readonly activationGroup?: EngineActivations["group"] },
): EngineActivations {
  const mode = options.activations ?? defaultMode(linears);
  if (!["f32", "int16", "int8"].includes(mode)) throw new UsageError("activations", String(mode), "f32, int16 or int8");
  return checkActivations({ mode, group: options.activationGroup ?? 32 });
}

/** @throws UsageError for unknown activations. */
export function checkActivations<T extends Activations>(activations: T): T {
  const { mode, group } = activations;
  if (mode === "study") {
    if (activations.bits !== 4 && activations.bits !== 8)
      throw new UsageError("study activations: bits", String(activations.bits), "4 or 8");
    if (![32, 64, 128, "token"].includes(group))
      throw new UsageError("study activations: group", String(group), "32, 64, 128 or token");
    return activations;
  }
  if (!["f32", "int16", "int8"].includes(mode))
    throw new UsageError("activations", String(mode), "f32, int16, int8 or study");
  if (group !== 32 && group !== 64 && group !== "weight")
    throw new UsageError("activation group", String(group), "32, 64 or weight");
  return activations;
}
