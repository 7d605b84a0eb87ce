/** Means of every plan of every model over the seeds and draws of its cells. */

import { exp } from "../../base/exact-math.ts";
import { groupBy } from "../../base/group-by.ts";
import { meanWithError } from "../../eval/stats/standard-error.ts";
import { FLOAT_PLAN } from "./cell-line.ts";
import type { MeasuredCell } from "./read-cells.ts";

/** Plans whose files differ by no more than this factor count as the same size. */
const SAME_SIZE = 1.05;

export interface Measured {
  readonly mean: number;
  /** Standard error from windows or items, and from runs if there are several. */
  readonly stdErr: number;
  /** Standard error from runs alone: the spread of seeds and draws. */
  readonly runsStdErr: number;
}

export interface PlanResult {
  readonly name: string;
  readonly policy: string;
  readonly control: string | null;
  readonly isControl: boolean;
  readonly activations: string | null;
  readonly averageBits: number;
  readonly trueBytes: number;
  readonly cells: readonly MeasuredCell[];
  /** Over all texts. */
  readonly kl?: Measured;
  /** KL that the plan's policy expected, if it expects any. */
  readonly predictedKl?: number;
  /** KL on text of the kind for which it was expected, if the sweep has such text. */
  readonly klForPrediction?: number;
  readonly sameTop?: number;
  readonly perplexity?: number;
  /** Mean of all tasks. */
  readonly tasks?: Measured;
}

/** Results of one model, all measured on the same texts and tasks. */
export interface ModelResult {
  readonly name: string;
  readonly float?: PlanResult;
  /** All but the float model, the smallest first. */
  readonly plans: readonly PlanResult[];
  /** Mean of the tasks' levels of chance. */
  readonly chance?: number;
}

/**
 * Gathers cells by model, and by what was measured: results on other texts or tasks are never averaged or compared, but are a model of their own, named
 * after their files too. Of a cell that is there twice (after a sweep was resumed) the last line counts.
 */
export function gatherModels(lines: readonly MeasuredCell[]): ModelResult[] {
  const cells = [...new Map(lines.map((cell) => [cell.key, cell])).values()];
  return [...groupBy(cells, ({ model }) => model)].flatMap(([model, ofModel]) => {
    const groups = [...groupBy(ofModel, ({ hashes }) => hashes["metrics"] ?? "").values()];
    return groups.map((own) => {
      const files = [...new Set(own.map(({ file }) => file))].join(", ");
      return gatherModel(groups.length === 1 ? model : `${model} (${files})`, own);
    });
  });
}

function gatherModel(name: string, cells: readonly MeasuredCell[]): ModelResult {
  const controls = new Set(cells.map(({ control, grid }) => planKey(control, grid)));
  const manyGrids = new Set(cells.filter(({ plan }) => plan !== FLOAT_PLAN).map(({ grid }) => grid)).size > 1;
  const groups = [...groupBy(cells, ({ plan, grid }) => planKey(plan, plan === FLOAT_PLAN ? null : grid))];
  const all = groups.map(([key, own]) => gatherPlan(own, manyGrids, controls.has(key)));
  const plans = all.filter((plan) => plan.cells[0].plan !== FLOAT_PLAN).sort((a, b) => a.trueBytes - b.trueBytes);
  const scores = cells.flatMap(({ tasks }) => Object.values(tasks ?? {}));
  return {
    name,
    float: all.find((plan) => plan.cells[0].plan === FLOAT_PLAN),
    plans,
    ...(scores.length > 0 && { chance: mean(scores.map(({ chance }) => chance)) }),
  };
}

/** Plans of different grids are different plans. */
export function planKey(plan: string | null, grid: string | null): string {
  return JSON.stringify([plan, grid]);
}

function gatherPlan(cells: readonly MeasuredCell[], manyGrids: boolean, isControl: boolean): PlanResult {
  const [{ plan, policy, control, grid, activations }] = cells;
  const nll = meanOf(cells, (cell) => cell.nll?.nll);
  return {
    name: manyGrids && grid !== null && plan !== FLOAT_PLAN ? `${plan} (${grid})` : plan,
    policy,
    control,
    isControl,
    activations,
    averageBits: mean(cells.map((cell) => cell.averageBits)),
    trueBytes: mean(cells.map((cell) => cell.trueBytes)),
    cells,
    kl: measured(cells.flatMap(({ kl }) => (kl === undefined ? [] : [{ mean: kl.mean, stdErr: kl.stdErr }]))),
    predictedKl: meanOf(cells, (cell) => cell.predictedKl),
    klForPrediction: meanOf(cells, (cell) => cell.klForPrediction?.mean),
    sameTop: meanOf(cells, (cell) => cell.kl?.sameTop),
    perplexity: nll === undefined ? undefined : exp(nll),
    tasks: measured(cells.flatMap(({ tasks }) => (tasks === undefined ? [] : [taskMean(Object.values(tasks))]))),
  };
}

/** A plan as each draw of calibration tokens has it, averaged over seeds; none if there is only one draw. */
export function drawsOf(plan: PlanResult): PlanResult[] {
  const draws = [...groupBy(plan.cells, ({ calibration }) => calibration ?? "")];
  if (draws.length < 2) return [];
  return draws.map(([draw, cells]) => ({ ...gatherPlan(cells, false, plan.isControl), name: `${plan.name}, ${draw}` }));
}

/** The mean over tasks. Tasks have different items, so the squares of their errors add up. */
function taskMean(scores: readonly { value: number; stdErr: number }[]): { mean: number; stdErr: number } {
  const squares = scores.reduce((sum, { stdErr }) => sum + stdErr * stdErr, 0);
  return { mean: mean(scores.map(({ value }) => value)), stdErr: Math.sqrt(squares) / scores.length };
}

/** The mean over runs. All runs share windows and items, so more runs do not lessen the error of these; the error between runs is added. */
export function measured(runs: readonly { mean: number; stdErr: number }[]): Measured | undefined {
  if (runs.length === 0) return undefined;
  const between = meanWithError(runs.map((run) => run.mean));
  const within = mean(runs.map((run) => run.stdErr));
  return {
    mean: between.mean,
    stdErr: Math.sqrt(within * within + between.stdErr * between.stdErr),
    runsStdErr: between.stdErr,
  };
}

function meanOf(cells: readonly MeasuredCell[], pick: (cell: MeasuredCell) => number | undefined): number | undefined {
  const values = cells.map(pick).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : mean(values);
}

export function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** The plans that no plan of as few bytes beats. A smaller `measure` is better. Plans must be sorted by size. */
export function paretoFront(
  plans: readonly PlanResult[],
  measure: (plan: PlanResult) => number | undefined,
): PlanResult[] {
  let best = Number.POSITIVE_INFINITY;
  const front: PlanResult[] = [];
  for (const plan of plans) {
    const value = measure(plan);
    if (value === undefined || value >= best) continue;
    best = value;
    // Of two plans with the same bytes only the better one stays.
    if (front.at(-1)?.trueBytes === plan.trueBytes) front.pop();
    front.push(plan);
  }
  return front;
}

/** Of the plans of each size the one with the least KL. */
export function bestBySize(plans: readonly PlanResult[]): PlanResult[] {
  const sizes: { smallest: number; best: PlanResult }[] = [];
  for (const plan of plans) {
    if (plan.kl === undefined) continue;
    const last = sizes.at(-1);
    if (last === undefined || plan.trueBytes > last.smallest * SAME_SIZE)
      sizes.push({ smallest: plan.trueBytes, best: plan });
    else if (plan.kl.mean < last.best.kl!.mean) last.best = plan;
  }
  return sizes.map(({ best }) => best);
}
