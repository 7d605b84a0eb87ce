/** Turns a policy into a plan for one model, and a plan into a setting for every linear and an exact size in bytes. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { ModelFiles } from "../../model/model.ts";
import type { PlanBits, PlanModule, ResolvedBits } from "../../policy/bit-plan.ts";
import type { Budget } from "../../policy/budget.ts";
import { applyPlan, type PlanDocument, type ReadPlan } from "../../policy/plan-document.ts";
import {
  type AutoPolicy,
  type KnapsackPolicy,
  needsOutliers,
  needsStatistics,
  type Policy,
  policyPlan,
  type RulePolicy,
} from "../../policy/policy.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { checkModules } from "../recipe/check-settings.ts";
import { type ModelShapes, planModulesOf, planModulesWithOuter, shapesOfFiles } from "../recipe/model-shapes.ts";
import { type OuterBits, outerNames, outerSettings, withOuter } from "../recipe/outer-bits.ts";
import type { ModuleSetting } from "../recipe/settings.ts";
import { outlierScores } from "../statistics/outlier-scores.ts";
import { autoPlan } from "./auto-plan.ts";
import { allowedWidths, knapsackPlan } from "./knapsack-plan.ts";
import { bestWithOuter, outerChoices, toldBits } from "./outer-choice.ts";
import { plannedBytesOf } from "./plan-bytes.ts";
import type { KnapsackOptions, PlanContext, SizedPlan } from "./plan-context.ts";

const CONTEXT: KnownOptions<PlanContext> = {
  ...{ shapes: true, files: true, statistics: true, budget: true, seed: true, groupSize: true, names: true },
  ...{ gather: true, outer: true, knapsack: true, signal: true, onProgress: true },
};

/** Makes the plan of a policy. @throws UsageError if the policy lacks something that it needs, or names something that the model lacks. */
export async function planFor(policy: Policy, given: PlanContext): Promise<SizedPlan> {
  checkKnownOptions<PlanContext>("planFor", given, CONTEXT);
  const isMissing = given.statistics === undefined && needsStatistics(policy);
  const context = isMissing ? { ...given, statistics: await given.gather?.() } : given;
  checkAuto(policy, context);
  if (policy.kind === "auto") return ruleWithin(policy, context);
  const { document, outer } = await documentFor(policy, context);
  return withOuterBits(document, outer, context);
}

/** The plan with the bits of embedding and head, and its size. */
function withOuterBits(document: PlanDocument, outer: OuterBits, context: PlanContext): SizedPlan {
  const { shapes, groupSize } = context;
  const { head, embedding } = outerNames(shapes);
  const wish = outerSettings(outer, groupSize);
  const told = Object.entries({ [embedding]: wish.embedding?.bits, [head]: wish.head?.bits });
  const bits = Object.fromEntries(told.filter(([, width]) => width !== undefined)) as ResolvedBits;
  return sizedPlan({ ...document, resolved: { ...document.resolved, ...bits } }, context);
}

/** @throws UsageError for `auto` bits without a knapsack that weighs bytes. */
function checkAuto({ kind, text }: Policy, { outer = {}, budget }: PlanContext): void {
  for (const [option, bits] of Object.entries(outer))
    if (bits === "auto" && (kind !== "knapsack" || budget?.kind === "bits"))
      throw new UsageError(option, `auto with policy ${text}`, "policy knapsack with a budget in bytes, or bits");
}

/** A plan, and the bits of embedding and head that go with it. */
interface Decision {
  readonly document: PlanDocument;
  readonly outer: OuterBits;
}

async function documentFor(policy: RulePolicy | KnapsackPolicy, context: PlanContext): Promise<Decision> {
  const { budget, statistics, seed } = context;
  switch (policy.kind) {
    case "knapsack":
      return knapsackFor(policy, context, budgetFor(policy, context));
    case "rules": {
      if (budget !== undefined)
        throw new UsageError(`policy ${policy.text}`, "a budget", "policy knapsack or auto, which use a budget");
      const outliers = needsOutliers(policy) ? await outliersOf(context) : undefined;
      const document = policyPlan(planModulesWithOuter(context.shapes), policy, { statistics, outliers, seed });
      return { document, outer: toldBits(context.outer ?? {}) };
    }
  }
}

/** The plan of the best rule for a budget. */
function ruleWithin(policy: AutoPolicy, context: PlanContext): SizedPlan {
  const { shapes, statistics, outer = {} } = context;
  const modules = planModulesWithOuter(shapes);
  const planOf = (rule: RulePolicy) =>
    withOuterBits(policyPlan(modules, rule, { statistics }), toldBits(outer), context);
  return autoPlan(shapes, budgetFor(policy, context), planOf);
}

function budgetFor({ text }: Policy, { budget }: PlanContext): Budget {
  if (budget !== undefined) return budget;
  throw new UsageError(`policy ${text}`, "no budget", "a budget, such as --budget 3.0 or --budget 5.2MB");
}

/** The best plan for a budget. A budget that no damages could make possible is refused before they are measured. */
async function knapsackFor({ text, menu }: KnapsackPolicy, context: PlanContext, budget: Budget): Promise<Decision> {
  const { damages, outerDamages, ...given } = context.knapsack ?? {};
  const limits = { ...given, ...(menu !== undefined && { menu }) };
  const wish = context.outer ?? {};
  requirePossible(context, budget, limits);
  const known = damages === undefined ? context.statistics?.damage?.damages : await damages();
  if (known === undefined)
    throw new UsageError(
      "policy knapsack",
      "no measured damages",
      "damages in the statistics, or calibration tokens to measure them on",
    );
  const isAuto = wish.head === "auto" || wish.embedding === "auto";
  if (isAuto && outerDamages === undefined)
    throw new UsageError("policy knapsack", "head or embedding auto and no calibration tokens", "tokens to measure on");
  const { plan, outer } = bestWithOuter(outerChoices(wish), isAuto ? await outerDamages?.() : undefined, (bits) =>
    knapsackPlan({ ...context, outer: bits }, known, { ...limits, budget }),
  );
  return { document: { ...plan, policy: text }, outer };
}

/** @throws UsageError for a budget or group size that is impossible whatever the damages are. */
function requirePossible(context: PlanContext, budget: Budget, limits: KnapsackOptions): void {
  const { frozen } = limits;
  const [least] = allowedWidths(limits);
  const names = planModulesOf(context.shapes).map(({ name }) => name);
  const fewest = new Map<string, PlanBits>(names.map((name) => [name, frozen?.get(name) ?? least]));
  const none = new Map(names.map((name) => [name, { 2: 0, 3: 0, 4: 0, 8: 0 }]));
  bestWithOuter(outerChoices(context.outer ?? {}), undefined, (outer) =>
    knapsackPlan({ ...context, outer }, none, { budget, frozen: fewest }),
  );
  if (context.groupSize === -1) return; // whole rows always fit
  const packed = names.filter((name) => frozen?.get(name) !== 16);
  checkModules(context.shapes, new Map(packed.map((name) => [name, { bits: 8, groupSize: context.groupSize }])));
}

/** Outlier scores by name, from the statistics or else from the weights themselves. */
async function outliersOf(context: PlanContext): Promise<ReadonlyMap<string, number> | undefined> {
  const { statistics, files } = context;
  const scores = statistics?.linears ?? (files === undefined ? undefined : await outlierScores(files, context));
  return scores === undefined ? undefined : new Map(scores.map(({ name, outlier }) => [name, outlier]));
}

/** Adds the exact bytes. @throws UsageError if a linear cannot have its bits at this group size. */
export function sizedPlan(plan: PlanDocument, context: Pick<PlanContext, "shapes" | "groupSize" | "names">): SizedPlan {
  const { shapes, groupSize, names } = context;
  const modules = planSettingsOf(shapes, plan, { groupSize });
  checkModules(shapes, modules);
  return { ...plan, trueBytes: plannedBytesOf(shapes, modules, names), groupSize };
}

/** The model's quantisable linears, in the form that plans use. */
export function planModules(files: ModelFiles): readonly PlanModule[] {
  return planModulesOf(shapesOfFiles(files));
}

/** The group size for modules without one in the plan, and the plan's name. */
export interface PlanSettingsOptions {
  /** Columns that share a scale, -1 for the whole row. Applies if the plan gives no group size. */
  readonly groupSize: number;
  /** Name of the plan in errors. Default `plan`. */
  readonly name?: string;
}

const SETTINGS_OPTIONS: KnownOptions<PlanSettingsOptions> = { groupSize: true, name: true };

/** Settings of every linear under a plan. @throws UsageError for a plan that does not fit this model. */
export function planSettings(
  files: ModelFiles,
  plan: ReadPlan,
  options: PlanSettingsOptions,
): ReadonlyMap<string, ModuleSetting> {
  return planSettingsOf(shapesOfFiles(files), plan, options);
}

/** The same from shapes alone. */
export function planSettingsOf(
  shapes: ModelShapes,
  plan: ReadPlan,
  options: PlanSettingsOptions,
): ReadonlyMap<string, ModuleSetting> {
  checkKnownOptions<PlanSettingsOptions>("planSettings", options, SETTINGS_OPTIONS);
  const { groupSize, name: where = "plan" } = options;
  const resolved = applyPlan(planModulesWithOuter(shapes), plan, where);
  const settings = new Map(
    [...resolved].map(([name, setting]) => [
      name,
      { bits: setting.bits as Bits | 16, groupSize: setting.groupSize ?? groupSize },
    ]),
  );
  const { head, embedding } = outerNames(shapes);
  return withOuter(shapes, settings, { head: settings.get(head), embedding: settings.get(embedding) });
}
