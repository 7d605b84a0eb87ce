/** The table of a model's plans: the size and quality of each, and whether it beats its random control. */

import { code, type HtmlColumn, htmlTable } from "./draw/html-table.ts";
import {
  digits,
  escapeHtml,
  klDecimals,
  megabytes,
  NOTHING,
  percent,
  probability,
  signed,
  span,
} from "./draw/number-format.ts";
import type { Difference, Differences } from "./results/differences.ts";
import { drawsOf, type ModelResult, type PlanResult } from "./results/plan-means.ts";
import { strategyOf } from "./results/strategies.ts";

const READING = "±: one standard error; below it that of the runs (draws and seeds) alone.";

export function planTable({ name, float, plans }: ModelResult, differences: Differences): string {
  const draws = new Set<PlanResult>();
  const whole = float === undefined ? plans : [float, ...plans];
  const rows = whole.flatMap((plan) => {
    const own = drawsOf(plan);
    for (const draw of own) draws.add(draw);
    return [plan, ...own];
  });
  const hasPoints = rows.some((plan) => differences.get(plan)?.tasks !== undefined);
  const points: HtmlColumn<PlanResult> = {
    title: "tasks to control, points",
    cell: (plan) => (draws.has(plan) ? NOTHING : pointsCell(plan, differences.get(plan)?.tasks)),
  };
  const columns: HtmlColumn<PlanResult>[] = [
    { title: "plan", cell: (plan) => planName(plan, draws.has(plan)) },
    { title: "KL", numeric: true, cell: klCell },
    { title: "bits", numeric: true, cell: ({ averageBits }) => digits(averageBits, 2) },
    { title: "MB", numeric: true, cell: ({ trueBytes }) => megabytes(trueBytes) },
    { title: "activations", numeric: true, cell: activationsCell },
    { title: "same top", numeric: true, cell: (plan) => percent(plan.sameTop) },
    { title: "perplexity", numeric: true, cell: ({ perplexity }) => digits(perplexity, 3) },
    { title: "tasks", numeric: true, cell: tasksCell },
    {
      title: "difference to control",
      cell: (plan) => (draws.has(plan) ? NOTHING : windowsCell(plan, differences.get(plan)?.windows)),
    },
    { title: "95 %, p (Holm)", numeric: true, cell: (plan) => chanceCell(plan, differences.get(plan)?.windows) },
    ...(hasPoints ? [points] : []),
    { title: "difference to best rule", numeric: true, cell: (plan) => rivalCell(plan, differences.get(plan)?.rival) },
  ];
  const kind = (plan: PlanResult) => (draws.has(plan) ? "draw by draw" : plan === float ? "float" : strategyOf(plan));
  return htmlTable(`Plans of ${name}, the smallest first. ${READING}`, columns, rows, { style: "plans", kind });
}

/** Draws have the policy of their plan, which the row above them has. */
function planName({ name, policy }: PlanResult, isDraw: boolean): string {
  if (isDraw) return escapeHtml(name);
  return `${escapeHtml(name)}<span class="below policy">${code(policy)}</span>`;
}

function activationsCell({ activations }: PlanResult): string {
  return activations === null ? digits(undefined, 0) : escapeHtml(activations);
}

/** The mean KL, its standard error, and the spread of seeds and draws. */
function klCell({ kl, cells }: PlanResult): string {
  if (kl === undefined) return digits(undefined, 0);
  const runs = cells.length === 1 ? "1 run" : `${cells.length} runs ± ${digits(kl.runsStdErr, klDecimals(kl.mean))}`;
  return `${digits(kl.mean, klDecimals(kl.mean))} ± ${digits(kl.stdErr, klDecimals(kl.mean))}${below(runs)}`;
}

function tasksCell({ tasks }: PlanResult): string {
  if (tasks === undefined) return digits(undefined, 0);
  return `${digits(tasks.mean, 3)}${below(`± ${digits(tasks.stdErr, 3)}`)}`;
}

function windowsCell({ control, kl }: PlanResult, found: Difference | undefined): string {
  if (control === null) return digits(undefined, 0);
  if (found === undefined) return below(`no windows in common with ${escapeHtml(control)}`);
  const by = found.by === "KL" ? "" : ` (${found.by})`;
  const told = below(`${verdict(found)} ${escapeHtml(control)}${by}`);
  return `${marked(signed(found.difference, klDecimals(kl?.mean ?? 0)), found)}${told}`;
}

/** The interval and the p value of the difference. */
function chanceCell({ kl }: PlanResult, found: Difference | undefined): string {
  if (found === undefined) return digits(undefined, 0);
  return `${span(found.interval, klDecimals(kl?.mean ?? 0))}${below(`p ${probability(found.adjusted)}`)}`;
}

/** Of a knapsack: the difference to the best rule within its bytes, interval and p value. */
function rivalCell({ kl }: PlanResult, found: Difference | undefined): string {
  if (found === undefined) return NOTHING;
  const count = klDecimals(kl?.mean ?? 0);
  const told = below(`${span(found.interval, count)}, p&nbsp;${probability(found.adjusted)}`);
  return `${marked(signed(found.difference, count), found)}${told}${below(escapeHtml(found.against.name))}`;
}

/** Difference, interval and p value in one column, because the table is wide already. */
function pointsCell({ control }: PlanResult, found: Difference | undefined): string {
  if (control === null) return digits(undefined, 0);
  if (found === undefined) return below(`no items in common with ${escapeHtml(control)}`);
  const [lo, hi] = found.interval;
  const told = below(`${span([100 * lo, 100 * hi], 1)}, p&nbsp;${probability(found.adjusted)}`);
  return `${marked(signed(100 * found.difference, 1), found)}${told}${below(`${verdict(found)} ${escapeHtml(control)}`)}`;
}

function verdict({ shown, isBetter }: Difference): string {
  return shown ? (isBetter ? "better than" : "worse than") : "no difference shown to";
}

function marked(text: string, { shown }: Difference): string {
  return `<span class="${shown ? "shown" : "muted"}">${text}</span>`;
}

/** A second, quieter line of a cell. */
function below(html: string): string {
  return `<span class="below">${html}</span>`;
}
