/**
 * Policies: bit plans in one line, `attention:4,base:2+first:4@4`. The first part sets the bits of classes of linears, the others
 * raise or lower some linears; later parts win. A plan is a pure function of the linears, the statistics and the seed.
 */
import { UsageError } from "../base/errors.ts";
import { createRandom } from "../base/random.ts";
import { isQuantizable } from "../tensor/linear-shape.ts";
import type { PlanModule, PlanRule } from "./bit-plan.ts";
import { type PlanDocument, planDocument } from "./plan-document.ts";
import type { Policy, PolicyPart, PolicyStatistics, RulePolicy } from "./policy-parts.ts";
import { partRules } from "./select-linears.ts";

export { parsePolicy } from "./parse-policy.ts";
export type { AutoPolicy, KnapsackPolicy, Policy, PolicyPart, PolicyStatistics, RulePolicy } from "./policy-parts.ts";

/** What some parts of a policy need besides the model's linears. */
export interface PolicyInputs {
  readonly statistics?: PolicyStatistics;
  /** Outlier score of the linears by name. */
  readonly outliers?: ReadonlyMap<string, number>;
  /** Seed of the random parts. Default 0. */
  readonly seed?: number;
}

/** Whether a policy ranks linears by their weights alone. */
export function needsOutliers(policy: Policy): boolean {
  return policy.kind === "rules" && policy.parts.some((part) => part.kind === "outlier");
}

/** Whether a policy ranks blocks or experts by what a calibration run saw. A learned scorer is trained apart. */
export function needsStatistics(policy: Policy): boolean {
  return (
    policy.kind === "auto" || (policy.kind === "rules" && policy.parts.some(({ kind }) => FROM_STATISTICS.has(kind)))
  );
}

const FROM_STATISTICS: ReadonlySet<PolicyPart["kind"]> = new Set<PolicyPart["kind"]>([
  ...(["importance", "importance-module", "frequency", "gate-frequency"] as const),
]);

/** Whether a plan follows from the model's linears and the seed alone: no budget to spend, no statistics, no weights. */
export function needsShapesOnly(policy: Policy): boolean {
  return policy.kind === "rules" && policy.parts.every(({ kind }) => SHAPES_ONLY.has(kind));
}

const SHAPES_ONLY: ReadonlySet<PolicyPart["kind"]> = new Set<PolicyPart["kind"]>([
  ...(["projection", "match", "first", "last", "random-experts", "random-linears"] as const),
]);

/**
 * The plan that a policy makes for a model. Classes that the model does not have are ignored.
 * @throws UsageError for statistics that are missing or of another model, and for counts that exceed what the model has.
 */
export function policyPlan(
  modules: readonly PlanModule[],
  policy: RulePolicy,
  inputs: PolicyInputs = {},
): PlanDocument {
  const roles = new Set(modules.map((module) => module.role));
  const classes = policy.classes.filter((setting) => roles.has(setting.role));
  const present = new Set(modules.filter(isQuantizable).map((module) => module.role));
  for (const setting of classes) present.delete(setting.role);
  if (policy.base === undefined && present.size > 0)
    throw new UsageError(
      `policy ${policy.text}`,
      `no bits for the linears of ${[...present].join(", ")}`,
      "base:BITS in its first part",
    );
  const rules = classes.map(({ role, bits }): PlanRule => ({ match: { role }, bits }));
  const { statistics, outliers } = inputs;
  const random = createRandom(inputs.seed ?? 0);
  const from = { text: policy.text, modules, blocks: moeLayers(modules), statistics, outliers, random };
  for (const part of policy.parts) for (const rule of partRules(part, from)) rules.push(rule);
  return planDocument(modules, { base: policy.base ?? 16, rules }, policy.text);
}

/** Layers with routed experts, ascending. */
function moeLayers(modules: readonly PlanModule[]): readonly number[] {
  const layers = new Set(modules.filter((module) => module.role === "expert").map((module) => module.layer));
  return [...layers].sort((a, b) => a - b);
}
