/** From a bit plan to a setting for every linear of a model. */
import type { ModelFiles } from "../model/model.ts";
import type { PlanModule } from "../quant/bit-plan.ts";
import { applyPlan, type ReadPlan } from "../quant/plan-document.ts";
import type { PackedBits } from "../tensor/matrix.ts";
import { type ModuleSetting, quantizableSlots } from "./settings.ts";

/** The model's quantisable linears as plans speak of them. */
export function planModules(files: ModelFiles): readonly PlanModule[] {
  return quantizableSlots(files).map(({ name, role, layer, expert, projection, rows, cols }) => {
    return { name, role, layer, expert, projection, rows, cols } as PlanModule;
  });
}

/** Settings of every linear under a plan; `groupSize` where the plan does not say. `where` names the plan in errors. */
export function planSettings(
  files: ModelFiles,
  plan: ReadPlan,
  groupSize: number,
  where: string,
): Map<string, ModuleSetting> {
  const resolved = applyPlan(planModules(files), plan, where);
  return new Map(
    [...resolved].map(([name, setting]) => [
      name,
      { bits: setting.bits as PackedBits | 16, groupSize: setting.groupSize ?? groupSize },
    ]),
  );
}
