/** Chooses bits for every linear of a model by a policy, as `quern plan` does. */
import { UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { Spelling } from "../../model/config/module-names.ts";
import type { Model, Progress } from "../../model/model.ts";
import { type Budget, parseBudget } from "../../policy/budget.ts";
import { parsePolicy } from "../../policy/policy.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { frozenBits } from "../plan/frozen-bits.ts";
import type { OuterWish } from "../plan/outer-choice.ts";
import { measureOuterDamage } from "../plan/outer-damage.ts";
import type { KnapsackContext, SizedPlan } from "../plan/plan-context.ts";
import { planFor } from "../plan/plan-model.ts";
import { measureDamageAs } from "../plan/refine/measure-damage-as.ts";
import { DEFAULTS, type GridWish, gridOver } from "../recipe/choose-grid.ts";
import { type ModelShapes, planModulesOf, shapesOfFiles } from "../recipe/model-shapes.ts";
import { LOW_BIT_GRID } from "../recipe/settings.ts";
import { calibrate } from "../statistics/calibrate.ts";
import { DAMAGE_SAMPLE_TOKENS, damagesMeasuredAs, measuredAs } from "../statistics/damage-table.ts";
import type { Statistics } from "../statistics/statistics.ts";
import type { Windows } from "../windows/window-batch.ts";

/** Inputs of a policy. */
export interface PolicyOptions {
  /** Statistics from `calibrate`: frequencies, cosines, outlier scores and stored damages. */
  readonly statistics?: Statistics;
  /** Average bits (3.25) or bytes of the weight file (`"5.2MB"`), for policies knapsack and auto. */
  readonly budget?: number | string | Budget;
  /** Seed of random parts. Default 0. */
  readonly seed?: number;
  /** Fewest bits that policy knapsack gives to a linear. Default 2. */
  readonly minBits?: Bits;
  /** Rules `REGEX@BITS` over names. They fix the bits of linears that policy knapsack then leaves alone. */
  readonly freeze?: readonly string[];
  /** Calibration tokens on which damages are measured, taken from the first windows. Default 2048. */
  readonly sampleTokens?: number;
  /** Whether policy knapsack refines its damages to those under error feedback, which takes some minutes more. Default false. */
  readonly refine?: boolean;
}

/** A policy, its inputs, and the grid for quantising. */
export interface PlanOptions extends PolicyOptions, OuterWish {
  /** A policy in one line: `attention:4,base:2+frequency:2@4`, `auto` or `knapsack`. */
  readonly policy: string;
  /** Columns that share a scale, -1 for the whole row. Default 64. */
  readonly groupSize?: number;
  /** Spelling of the names to write. Affects the size in bytes. Default: the source's. */
  readonly names?: Spelling;
  /** Calibration windows on which policy knapsack measures damages that the statistics lack, and others gather the statistics if there are none. */
  readonly windows?: Windows;
  /** Changes to the default grid of 2 and 3 bits, for which damages are measured. */
  readonly grid?: GridWish;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** The options of policies, for bags that hold them beside others. */
export const POLICY_OPTIONS: KnownOptions<PolicyOptions> = {
  ...{ statistics: true, budget: true, seed: true, minBits: true, freeze: true, sampleTokens: true },
  ...{ refine: true },
};

const OPTIONS: KnownOptions<PlanOptions> = {
  ...POLICY_OPTIONS,
  ...{ policy: true, groupSize: true, names: true, windows: true, grid: true, signal: true, onProgress: true },
  ...{ head: true, embedding: true },
};

/**
 * The plan that a policy makes for a model, with its average bits and the exact bytes of the weight file. Policy `knapsack` uses the
 * damages in the statistics if they were measured for this grid. Otherwise it measures them on `windows`, which takes minutes.
 * @throws UsageError for a malformed policy, for missing inputs, and for a budget or group size that does not fit the model.
 */
export async function plan(model: Model, options: PlanOptions): Promise<SizedPlan> {
  checkKnownOptions<PlanOptions>("plan", options, OPTIONS);
  const { groupSize = DEFAULTS.groupSize, seed = DEFAULTS.seed, statistics, names, signal, onProgress } = options;
  const { head, embedding } = options;
  const outer = { head, embedding };
  const { files } = model;
  const shapes = shapesOfFiles(files);
  const policy = parsePolicy(options.policy);
  if (options.refine === true && policy.kind !== "knapsack")
    throw new UsageError("refine", `policy ${policy.text}`, "policy knapsack, whose damages it refines");
  const budget = budgetOf(options.budget);
  const knapsack = policy.kind === "knapsack" ? knapsackOf(model, shapes, { ...options, groupSize }) : undefined;
  const { windows } = options;
  const gather = windows && (() => calibrate(model, windows, { signal, onProgress }));
  const context = { shapes, files, statistics, gather, budget, seed, groupSize, names, outer, knapsack };
  return planFor(policy, { ...context, signal, onProgress });
}

function budgetOf(budget: PlanOptions["budget"]): Budget | undefined {
  return typeof budget === "object" || budget === undefined ? budget : parseBudget(String(budget));
}

function knapsackOf(
  model: Model,
  shapes: ModelShapes,
  options: PlanOptions & { readonly groupSize: number },
): KnapsackContext {
  const { statistics, minBits, freeze, sampleTokens = DAMAGE_SAMPLE_TOKENS, windows, groupSize } = options;
  const { signal, onProgress, refine } = options;
  const grid = gridOver(LOW_BIT_GRID, options.grid ?? {});
  const names = planModulesOf(shapes).map(({ name }) => name);
  const run = { grid, groupSize, sampleTokens, signal, onProgress };
  const measure = windows && (() => measureDamageAs(model, windows, { ...run, refine, known: statistics?.damage }));
  const wanted = measuredAs(grid, { groupSize, sampleTokens, refine });
  return {
    minBits,
    frozen: frozenBits(names, freeze),
    damages: async () => (await damagesMeasuredAs(wanted, statistics?.damage, measure)).damages,
    outerDamages: windows && (() => measureOuterDamage(model, windows, run)),
  };
}
