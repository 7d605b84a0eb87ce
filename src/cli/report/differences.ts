/** Every plan against its random control of as many bytes, window by window. */
import { holm } from "../../eval/stats/holm.ts";
import type { Interval } from "../../eval/stats/interval.ts";
import { comparePaired } from "../../eval/stats/paired.ts";
import { groupBy } from "../../group-by.ts";
import type { Cell } from "./cells.ts";
import { type ModelResult, mean, type PlanResult, planKey } from "./plans.ts";

/** The chance that any difference of the whole report is called one by accident. */
const ALPHA = 0.05;

export interface Difference {
  /** Mean KL of the plan less that of its control: below 0 the plan is better. */
  readonly difference: number;
  readonly interval: Interval;
  readonly windows: number;
  readonly p: number;
  /** By Holm, over all comparisons of the report. */
  readonly adjusted: number;
  readonly shown: boolean;
}

/** By plan; those without a control, or without windows in common with it, are missing. */
export type Differences = ReadonlyMap<PlanResult, Difference>;

export async function compareWithControls(models: readonly ModelResult[], signal: AbortSignal): Promise<Differences> {
  const found: { plan: PlanResult; compared: Awaited<ReturnType<typeof comparePaired>> }[] = [];
  for (const { plans } of models) {
    for (const plan of plans) {
      const pair = pairedWindows(plan, plans);
      if (pair === undefined) continue;
      found.push({ plan, compared: await comparePaired(pair.ours, pair.control, { signal }) });
    }
  }
  const adjusted = holm(found.map(({ compared }) => compared.bootstrap.p));
  return new Map(
    found.map(({ plan, compared: { difference, interval, n, shown, bootstrap } }, i) => [
      plan,
      {
        difference,
        interval,
        windows: n,
        p: bootstrap.p,
        adjusted: adjusted[i],
        shown: shown && adjusted[i] <= ALPHA,
      },
    ]),
  );
}

/** KL by window, averaged over seeds and then over the draws of calibration tokens that both plans have. */
function pairedWindows(
  plan: PlanResult,
  plans: readonly PlanResult[],
): { ours: number[]; control: number[] } | undefined {
  if (plan.control === null) return undefined;
  const wanted = planKey(plan.control, plan.cells[0].grid);
  const control = plans.find(({ cells: [cell] }) => planKey(cell.plan, cell.grid) === wanted);
  if (control === undefined || control === plan) return undefined;
  const [a, b] = [windowsByDraw(plan.cells), windowsByDraw(control.cells)];
  const draws = [...a.keys()].filter((draw) => b.has(draw));
  const lengths = new Set(draws.flatMap((draw) => [a.get(draw)!.length, b.get(draw)!.length]));
  if (lengths.size !== 1) return undefined;
  return { ours: meanWindows(draws.map((draw) => a.get(draw)!)), control: meanWindows(draws.map((d) => b.get(d)!)) };
}

/** Draws whose seeds do not share their windows are left out. */
function windowsByDraw(cells: readonly Cell[]): Map<string, readonly number[]> {
  const known = cells.filter(({ kl }) => kl !== undefined && kl.windows.length > 0);
  const draws = new Map<string, readonly number[]>();
  for (const [draw, own] of groupBy(known, ({ calibration }) => calibration ?? "")) {
    const windows = own.map(({ kl }) => kl!.windows);
    if (windows.every(({ length }) => length === windows[0].length)) draws.set(draw, meanWindows(windows));
  }
  return draws;
}

function meanWindows(runs: readonly (readonly number[])[]): number[] {
  return runs[0].map((_, window) => mean(runs.map((run) => run[window])));
}
