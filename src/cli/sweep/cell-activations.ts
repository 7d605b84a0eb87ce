/** The arithmetic in which a plan's cells are measured: the engine's own, or with inputs rounded as in a study. */
import type { Model } from "../../model/model.ts";
import { type ActivationsOption, studyRounding } from "../options/common-options.ts";

/** Spelled as for `--activations` and `--study-activations`. */
export type PlanActivations = ActivationsOption | `int${4 | 8}/${"token" | 32 | 64 | 128}`;

export const PLAN_ACTIVATIONS: readonly PlanActivations[] = [
  ...(["f32", "int16", "int8"] as const),
  ...(["int4/token", "int4/32", "int4/64", "int4/128"] as const),
  ...(["int8/token", "int8/32", "int8/64", "int8/128"] as const),
];

/** The activations to open a model with: a study rounds the inputs of f32 linears. */
export function engineActivations(wanted: PlanActivations | undefined): ActivationsOption | undefined {
  if (wanted === undefined || wanted === "f32" || wanted === "int16" || wanted === "int8") return wanted;
  return "f32";
}

/** A view of the model with rounded inputs if a study is wanted, otherwise the model itself. */
export function underStudy(model: Model, wanted: PlanActivations | undefined): Model {
  const study = studyRounding(wanted ?? "");
  return study === undefined ? model : model.withActivations(study);
}
