/** Bit plans: policies, plan documents, budgets and bytes, measured damages, the knapsack. */
export { frozenBits } from "../compress/plan/frozen-bits.ts";
export {
  budgetCurve,
  type CurvePoint,
  type KnapsackPlan,
  type KnapsackPlanOptions,
  knapsackPlan,
} from "../compress/plan/knapsack-plan.ts";
export { type DamageOptions, measureDamage } from "../compress/plan/measure-damage.ts";
export { type ByteTable, byteTable, moduleBytes, plannedBytes, plannedBytesOf } from "../compress/plan/plan-bytes.ts";
export type { KnapsackContext, KnapsackOptions, PlanContext } from "../compress/plan/plan-context.ts";
export {
  type PlanSettingsOptions,
  planFor,
  planModules,
  planSettings,
  planSettingsOf,
  sizedPlan,
} from "../compress/plan/plan-model.ts";
export { type RefineOptions, refineDamage } from "../compress/plan/refine/refine-damage.ts";
export { type ModelShapes, type SourceLinear, shapesOfConfig, shapesOfFiles } from "../compress/recipe/model-shapes.ts";
export { DAMAGE_SAMPLE_TOKENS, type Damages, type DamageTable } from "../compress/statistics/damage-table.ts";
export { type Budget, parseBudget } from "../policy/budget.ts";
export { type PlanDocument, parsePlan } from "../policy/plan-document.ts";
export { type Policy, type PolicyStatistics, parsePolicy, policyPlan } from "../policy/policy.ts";
