/** Metadata of a written folder: how it was made. */
import type { JsonObject } from "../../base/json.ts";
import type { RunIdentity } from "../../files/run-identity.ts";
import type { QuantizeSettings } from "../recipe/settings.ts";

/** All settings that decide the bits and are not in `quantize_config.json` itself, under GPTQModel's names if it has any. */
export function settingsMeta(settings: Omit<QuantizeSettings, "modules">): JsonObject {
  const { method, clip, actOrder, staticGroups, deadColumns, dampPercent, dampIncrement = 0.01 } = settings;
  const { gateWeighted = false, shrinkage = 0, errorFeedback = 0 } = settings;
  return {
    method,
    damp_percent: dampPercent,
    damp_auto_increment: dampIncrement,
    static_groups: staticGroups,
    true_sequential: true,
    act_group_aware: actOrder === "gar",
    act_order: actOrder,
    clip,
    dead_columns: deadColumns,
    gate_weighted: gateWeighted,
    shrinkage,
    error_feedback: errorFeedback,
  };
}

/** Hashes of the source weights and calibration tokens, as in a checkpoint's run.json. */
export function originMeta({ modelHash, calibrationHash }: RunIdentity): JsonObject {
  return { model_hash: modelHash ?? null, calibration_hash: calibrationHash ?? null } as JsonObject;
}

/** The same settings as one line of text. */
export function settingsText(settings: Omit<QuantizeSettings, "modules">): string {
  const { method, symmetric, clip, actOrder, staticGroups, deadColumns, dampPercent } = settings;
  const { gateWeighted = false, shrinkage = 0, errorFeedback = 0 } = settings;
  const grid = `method ${method}, ${symmetric ? "symmetric" : "asymmetric"}, clip search ${clip}`;
  if (method === "rtn") return grid;
  return [
    `${grid}, act-order ${actOrder}${staticGroups ? " with static groups" : ""}, dead columns ${deadColumns}, damp ${dampPercent}`,
    `shrinkage ${shrinkage}, error feedback ${errorFeedback}${gateWeighted ? ", gate-weighted" : ""}`,
  ].join(", ");
}
