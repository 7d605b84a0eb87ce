/**
 * Improves a knapsack's plan by measuring where the plan is. A round quantises the model along the plan, measures each linear one step up
 * and one step down on windows that were held back, and solves the knapsack again among these steps. Rounds end when the plan stays the
 * same or is no longer better on the windows held back.
 */
import { UsageError } from "../../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../../base/known-options.ts";
import type { Turns } from "../../../base/turns.ts";
import type { Model, Progress } from "../../../model/model.ts";
import type { PlanBits } from "../../../policy/bit-plan.ts";
import type { PlanDocument } from "../../../policy/plan-document.ts";
import type { Bits } from "../../../tensor/linear-shape.ts";
import { planModulesOf, shapesOfFiles } from "../../recipe/model-shapes.ts";
import type { GridSettings } from "../../recipe/settings.ts";
import type { Damages } from "../../statistics/damage-table.ts";
import type { Windows } from "../../windows/window-batch.ts";
import { allowedWidths, type KnapsackPlanOptions, knapsackPlan } from "../knapsack-plan.ts";
import { fitSteps } from "./fit-steps.ts";
import { type MeasuredSteps, measureSteps, type PlanStep } from "./measure-steps.ts";
import { type LinearBits, quantizeAlong } from "./quantize-along.ts";

/** The knapsack's budget and limits, its damages, and how the model will be quantised. */
export interface RefineOptions extends KnapsackPlanOptions {
  /** Damages measured around the float model (`measureDamage`). The first plan is made with them. */
  readonly damages: Damages;
  readonly grid: GridSettings;
  /** Columns that share a scale, -1 for the whole row. */
  readonly groupSize: number;
  /** Most rounds. Each takes about as long as `measureDamage`. Default 2. */
  readonly rounds?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** A plan with its KL on the windows held back, and the KL of the plan that each round found. */
export interface RefinedPlan extends PlanDocument {
  /** KL(float || plan's model), quantised without the windows held back and measured on them. In nats per token. */
  readonly predictedKl: number;
  /** The same of the first plan and of the plan after each round, in nats per token. The last may be one that was given up. */
  readonly klByRound: readonly number[];
}

const OPTIONS: KnownOptions<RefineOptions> = {
  ...{ budget: true, minBits: true, menu: true, frozen: true, damages: true, grid: true, groupSize: true },
  ...{ rounds: true, signal: true, onProgress: true },
};

/** One window in four is held back. */
const HELD_BACK = 4;

/** Damage of a width that was not measured around the plan, in nats per token: so much that it is never chosen. */
const UNMEASURED = 1e3;

/**
 * Refines the knapsack's plan. The model itself is not changed.
 * @throws UsageError for fewer than two windows, a number of rounds that is not a whole one, or a budget that no plan fits; the signal's reason.
 */
export async function refinePlan(model: Model, windows: Windows, options: RefineOptions): Promise<RefinedPlan> {
  checkKnownOptions<RefineOptions>("refinePlan", options, OPTIONS);
  const { rounds = 2 } = options;
  if (!(Number.isInteger(rounds) && rounds >= 0))
    throw new UsageError("rounds", String(rounds), "a whole number from 0");
  if (windows.length < 2) throw new UsageError("calibration", "one window", "two, of which one is held back");
  const start = solve(model, options, options.damages);
  return model.job(options.signal, (turns) => refineFrom(model, windows, start, { ...options, rounds }, turns));
}

async function refineFrom(
  model: Model,
  windows: Windows,
  start: PlanDocument,
  options: RefineOptions & { readonly rounds: number },
  turns: Turns,
): Promise<RefinedPlan> {
  const modules = planModulesOf(shapesOfFiles(model.files));
  const klByRound: number[] = [];
  let [plan, best, bestKl] = [start, start, Number.POSITIVE_INFINITY];
  for (let round = 0; round <= options.rounds; round++) {
    const isLast = round === options.rounds;
    const found = await measureAround(model, windows, plan.resolved, { ...options, isLast, below: bestKl, turns });
    klByRound.push(found.kl);
    if (!(found.kl < bestKl)) break;
    [best, bestKl] = [plan, found.kl];
    if (isLast) break;
    const { resolved } = plan;
    const steps = fitSteps(found.steps, { modules, plan: resolved, damages: options.damages });
    plan = solve(model, options, damagesAround(resolved, { kl: found.kl, steps }));
    if (modules.every(({ name }) => plan.resolved[name] === resolved[name])) break;
  }
  return { ...best, predictedKl: bestKl, klByRound };
}

function solve({ files }: Model, options: RefineOptions, damages: Damages): PlanDocument {
  const { budget, minBits, menu, frozen, groupSize } = options;
  const context = { shapes: shapesOfFiles(files), groupSize };
  const { boundKl: _, predictedKl: __, ...plan } = knapsackPlan(context, damages, { budget, minBits, menu, frozen });
  return plan;
}

interface RoundRun extends Omit<RefineOptions, "budget" | "damages" | "rounds" | "signal"> {
  readonly isLast: boolean;
  /** Steps are only measured around a plan with less KL than this. */
  readonly below: number;
  readonly turns: Turns;
}

/** The plan's KL on the windows held back, and its steps unless the round is the last. */
async function measureAround(
  model: Model,
  windows: Windows,
  plan: LinearBits,
  { isLast, below, turns, ...options }: RoundRun,
): Promise<MeasuredSteps> {
  const { grid, groupSize, frozen, onProgress } = options;
  const menu = allowedWidths(options);
  const others = (name: string) => (isLast || frozen?.has(name) === true ? [] : stepsFrom(plan[name], menu));
  const own = windows.filter((_, index) => index % HELD_BACK !== heldIndex(windows));
  const held = windows.filter((_, index) => index % HELD_BACK === heldIndex(windows));
  const neighbours = await quantizeAlong(model, own, plan, { grid, groupSize, others, turns });
  return measureSteps(model, plan, neighbours, { windows: held, below, turns, onProgress });
}

/** The place of the window held back among each four; the last of fewer than four windows. */
function heldIndex({ length }: Windows): number {
  return Math.min(length, HELD_BACK) - 1;
}

/** The next smaller and the next larger width of an ascending menu, as far as there are such. */
export function stepsFrom(bits: PlanBits, menu: readonly Bits[]): readonly PlanBits[] {
  const lower = menu.filter((width) => width < bits).slice(-1);
  const higher = menu.filter((width) => width > bits).slice(0, 1);
  return [...lower, ...higher];
}

/** Damages whose sum is the plan's KL at the plan, and which differ from it by the steps' changes. */
export function damagesAround(plan: LinearBits, { kl, steps }: MeasuredSteps): Damages {
  const share = kl / Object.keys(plan).length;
  const changes = new Map(steps.map(({ name, bits, change }: PlanStep) => [`${name}@${bits}`, change]));
  const damageAt = (name: string, bits: PlanBits) => {
    if (bits === plan[name]) return share;
    const change = changes.get(`${name}@${bits}`);
    return change === undefined ? UNMEASURED : share + change;
  };
  return new Map(
    Object.keys(plan).map((name) => [
      name,
      { 2: damageAt(name, 2), 3: damageAt(name, 3), 4: damageAt(name, 4), 8: damageAt(name, 8) },
    ]),
  );
}
