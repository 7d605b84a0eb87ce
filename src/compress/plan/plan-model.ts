/** From a policy to a plan of one model, from a plan to a setting for every linear, and what it comes to in bytes. */
import { UnsupportedError, UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { ModelFiles, Progress } from "../../model/model.ts";
import type { PlanModule } from "../../policy/bit-plan.ts";
import type { Budget } from "../../policy/budget.ts";
import { applyPlan, type PlanDocument, type ReadPlan } from "../../policy/plan-document.ts";
import { needsOutliers, type Policy, policyPlan } from "../../policy/policy.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { checkModules } from "../recipe/check-settings.ts";
import { type ModelShapes, planModulesOf, shapesOfFiles } from "../recipe/model-shapes.ts";
import type { ModuleSetting } from "../recipe/settings.ts";
import { outlierScores } from "../statistics/outlier-scores.ts";
import type { Statistics } from "../statistics/statistics.ts";
import { plannedBytesOf } from "./plan-bytes.ts";

/**
 * What policies choose from: shapes, statistics, budget, seed. A policy that needs what is missing is a `UsageError`.
 */
export interface PlanContext {
  readonly shapes: ModelShapes;
  /** The checkpoint, where there is one: outlier scores are taken from its weights when no statistics have them. */
  readonly files?: ModelFiles;
  readonly statistics?: Statistics;
  readonly budget?: Budget;
  /** Of the policy's random parts. Default 0. */
  readonly seed?: number;
  /** Columns that share a scale, -1 for the whole row: decides bytes. */
  readonly groupSize: number;
  /** Spelling of names to write: decides bytes too. Default: the source's. */
  readonly names?: Spelling;
  /** Makes the plan of policy `knapsack`. */
  readonly knapsack?: Knapsack;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** The best plan for a budget. */
export type Knapsack = (context: PlanContext & { readonly budget: Budget }) => Promise<PlanDocument>;

/** A plan with what it comes to on disk. */
export interface SizedPlan extends PlanDocument {
  /** Bytes of the weight file that `quantize` writes; floats of a bare configuration count 16 bits. */
  readonly trueBytes: number;
  readonly groupSize: number;
}

const CONTEXT: KnownOptions<PlanContext> = {
  ...{ shapes: true, files: true, statistics: true, budget: true, seed: true, groupSize: true, names: true },
  ...{ knapsack: true, signal: true, onProgress: true },
};

/** @throws UsageError for what the policy lacks or the model has not, UnsupportedError for a knapsack that is not there. */
export async function planFor(policy: Policy, context: PlanContext): Promise<SizedPlan> {
  checkKnownOptions<PlanContext>("planFor", context, CONTEXT);
  return sizedPlan(await documentFor(policy, context), context);
}

async function documentFor(policy: Policy, context: PlanContext): Promise<PlanDocument> {
  const { budget, statistics, seed, knapsack } = context;
  switch (policy.kind) {
    case "knapsack":
      if (budget === undefined)
        throw new UsageError(`policy ${policy.text}`, "no budget", "a budget, such as --budget 3.0 or --budget 5.2MB");
      if (knapsack === undefined) throw new UnsupportedError("policy", "knapsack, which is not built in yet", []);
      return knapsack({ ...context, budget });
    case "rules": {
      if (budget !== undefined)
        throw new UsageError(`policy ${policy.text}`, "a budget beside it", "policy knapsack, the one that spends it");
      const outliers = needsOutliers(policy) ? await outliersOf(context) : undefined;
      return policyPlan(planModulesOf(context.shapes), policy, { statistics, outliers, seed });
    }
  }
}

/** Outlier scores by name: of the statistics, or of the weights themselves. */
async function outliersOf(context: PlanContext): Promise<ReadonlyMap<string, number> | undefined> {
  const { statistics, files } = context;
  const scores = statistics?.linears ?? (files === undefined ? undefined : await outlierScores(files, context));
  return scores === undefined ? undefined : new Map(scores.map(({ name, outlier }) => [name, outlier]));
}

/** Adds the exact bytes. @throws UsageError where a linear cannot have its bits at this group size. */
export function sizedPlan(plan: PlanDocument, context: Pick<PlanContext, "shapes" | "groupSize" | "names">): SizedPlan {
  const { shapes, groupSize, names } = context;
  const modules = planSettingsOf(shapes, plan, groupSize, "plan");
  checkModules(shapes, modules);
  return { ...plan, trueBytes: plannedBytesOf(shapes, modules, names), groupSize };
}

/** The model's quantisable linears as plans speak of them. */
export function planModules(files: ModelFiles): readonly PlanModule[] {
  return planModulesOf(shapesOfFiles(files));
}

/** Settings of every linear under a plan; `groupSize` where the plan does not say. `where` names the plan in errors. */
export function planSettings(
  files: ModelFiles,
  plan: ReadPlan,
  groupSize: number,
  where: string,
): Map<string, ModuleSetting> {
  return planSettingsOf(shapesOfFiles(files), plan, groupSize, where);
}

/** The same for shapes alone. */
export function planSettingsOf(
  shapes: ModelShapes,
  plan: ReadPlan,
  groupSize: number,
  where: string,
): Map<string, ModuleSetting> {
  const resolved = applyPlan(planModulesOf(shapes), plan, where);
  return new Map(
    [...resolved].map(([name, setting]) => [
      name,
      { bits: setting.bits as Bits | 16, groupSize: setting.groupSize ?? groupSize },
    ]),
  );
}
