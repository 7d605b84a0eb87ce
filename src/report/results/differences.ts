/** Compares every plan with its random control of about as many bytes: window by window, and item by item of the tasks. */

import { groupBy } from "../../base/group-by.ts";
import { holm } from "../../eval/stats/holm.ts";
import type { Interval } from "../../eval/stats/interval.ts";
import { comparePaired, type PairedComparison } from "../../eval/stats/paired.ts";
import { type ModelResult, mean, type PlanResult, planKey } from "./plan-means.ts";
import type { MeasuredCell } from "./read-cells.ts";

/** The probability that the whole report shows any difference that is only chance. */
const ALPHA = 0.05;

export interface Difference {
  /** KL and NLL are in nats a token, tasks in right answers an item. */
  readonly by: "KL" | "NLL" | "tasks";
  /** Mean of the plan minus that of its control. */
  readonly difference: number;
  readonly interval: Interval;
  /** Number of windows or items. */
  readonly pairs: number;
  /** McNemar's p if every outcome is right or wrong, the paired bootstrap's if outcomes are means of runs. */
  readonly p: number;
  /** p adjusted by Holm's procedure over all comparisons of the report. */
  readonly adjusted: number;
  readonly shown: boolean;
  readonly isBetter: boolean;
}

export interface PlanDifferences {
  /** The difference in KL, or in NLL if KL is missing. */
  readonly windows?: Difference;
  readonly tasks?: Difference;
}

/** Differences by plan. Plans without a control, or with no windows or items in common with it, are missing. */
export type Differences = ReadonlyMap<PlanResult, PlanDifferences>;

/** What a cell measured, window by window or item by item. Only pieces of the same kind are paired. */
interface Pieces {
  readonly kind: string;
  readonly values: readonly number[];
}

interface Found {
  readonly plan: PlanResult;
  readonly by: Difference["by"];
  readonly compared: PairedComparison;
}

export async function compareWithControls(models: readonly ModelResult[], signal: AbortSignal): Promise<Differences> {
  const found: Found[] = [];
  for (const { plans } of models) {
    for (const plan of plans) {
      const control = controlOf(plan, plans);
      if (control === undefined) continue;
      const compareBy = async (by: Difference["by"]): Promise<boolean> => {
        const pair = pairedPieces(plan, control, PIECES[by]);
        if (pair === undefined) return false;
        found.push({ plan, by, compared: await comparePaired(pair.ours, pair.control, { signal }) });
        return true;
      };
      if (!(await compareBy("KL"))) await compareBy("NLL");
      await compareBy("tasks");
    }
  }
  const ps = found.map(({ compared: { mcnemar, bootstrap } }) => mcnemar?.p ?? bootstrap.p);
  const adjusted = holm(ps);
  const differences = new Map<PlanResult, PlanDifferences>();
  for (const [i, { plan, by, compared }] of found.entries()) {
    const place = by === "tasks" ? "tasks" : "windows";
    const difference = differenceOf(by, compared, ps[i], adjusted[i]);
    differences.set(plan, { ...differences.get(plan), [place]: difference });
  }
  return differences;
}

function differenceOf(
  by: Difference["by"],
  { difference, interval, n, shown }: PairedComparison,
  p: number,
  adjusted: number,
): Difference {
  const isBetter = by === "tasks" ? difference > 0 : difference < 0;
  return { by, difference, interval, pairs: n, p, adjusted, shown: shown && adjusted <= ALPHA, isBetter };
}

function controlOf(plan: PlanResult, plans: readonly PlanResult[]): PlanResult | undefined {
  if (plan.control === null) return undefined;
  const wanted = planKey(plan.control, plan.cells[0].grid);
  const control = plans.find(({ cells: [cell] }) => planKey(cell.plan, cell.grid) === wanted);
  return control === plan ? undefined : control;
}

const PIECES: Readonly<Record<Difference["by"], (cell: MeasuredCell) => Pieces | undefined>> = {
  KL: ({ kl }) => windowPieces(kl?.windows),
  NLL: ({ nll }) => windowPieces(nll?.windows),
  tasks: taskPieces,
};

function windowPieces(windows: readonly number[] = []): Pieces | undefined {
  return windows.length === 0 ? undefined : { kind: String(windows.length), values: windows };
}

/** The items of all tasks, in the order of the tasks' names. */
function taskPieces({ tasks = {} }: MeasuredCell): Pieces | undefined {
  const known = Object.entries(tasks).filter(([, { outcomes }]) => outcomes !== "");
  if (known.length === 0) return undefined;
  known.sort(([a], [b]) => (a < b ? -1 : 1));
  return {
    kind: JSON.stringify(known.map(([name, { outcomes }]) => [name, outcomes.length])),
    values: known.flatMap(([, { outcomes }]) => Array.from(outcomes, Number)),
  };
}

/** Pieces of both plans, averaged over seeds and then over the draws of calibration tokens that both plans have. */
function pairedPieces(
  plan: PlanResult,
  control: PlanResult,
  piecesOf: (cell: MeasuredCell) => Pieces | undefined,
): { ours: number[]; control: number[] } | undefined {
  const [a, b] = [piecesByDraw(plan.cells, piecesOf), piecesByDraw(control.cells, piecesOf)];
  const draws = [...a.keys()].filter((draw) => b.has(draw));
  const [ours, theirs] = [a, b].map((known) => draws.map((draw) => known.get(draw) as Pieces));
  const kinds = new Set([...ours, ...theirs].map(({ kind }) => kind));
  if (kinds.size !== 1) return undefined;
  return { ours: meanPieces(ours), control: meanPieces(theirs) };
}

/** Pieces by draw. Draws whose seeds were measured on different pieces are left out. */
function piecesByDraw(
  cells: readonly MeasuredCell[],
  piecesOf: (cell: MeasuredCell) => Pieces | undefined,
): ReadonlyMap<string, Pieces> {
  const draws = new Map<string, Pieces>();
  for (const [draw, own] of groupBy(cells, ({ calibration }) => calibration ?? "")) {
    const runs = own.flatMap((cell) => piecesOf(cell) ?? []);
    const kinds = new Set(runs.map(({ kind }) => kind));
    if (kinds.size === 1) draws.set(draw, { kind: runs[0].kind, values: meanPieces(runs) });
  }
  return draws;
}

function meanPieces(runs: readonly Pieces[]): number[] {
  return runs[0].values.map((_, piece) => mean(runs.map(({ values }) => values[piece])));
}
