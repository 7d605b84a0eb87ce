/** The table of a model's plans: the size and quality of each, and whether it beats its random control. */

import { code, type HtmlColumn, htmlTable } from "./draw/html-table.ts";
import { digits, escapeHtml, klDecimals, megabytes, percent, probability, signed, span } from "./draw/number-format.ts";
import type { Difference, Differences } from "./results/differences.ts";
import type { ModelResult, PlanResult } from "./results/plan-means.ts";

const READING = "±: one standard error; below it that of the runs (draws and seeds) alone.";

export function planTable({ name, float, plans }: ModelResult, differences: Differences): string {
  const rows = float === undefined ? plans : [float, ...plans];
  const hasPoints = rows.some((plan) => differences.get(plan)?.tasks !== undefined);
  const points: HtmlColumn<PlanResult> = {
    title: "tasks to control, points",
    cell: (plan) => pointsCell(plan, differences.get(plan)?.tasks),
  };
  const columns: HtmlColumn<PlanResult>[] = [
    { title: "plan", cell: planName },
    { title: "activations", numeric: true, cell: activationsCell },
    { title: "bits", numeric: true, cell: ({ averageBits }) => digits(averageBits, 2) },
    { title: "MB", numeric: true, cell: ({ trueBytes }) => megabytes(trueBytes) },
    { title: "KL", numeric: true, cell: klCell },
    { title: "same top", numeric: true, cell: (plan) => percent(plan.sameTop) },
    { title: "perplexity", numeric: true, cell: ({ perplexity }) => digits(perplexity, 3) },
    { title: "tasks", numeric: true, cell: tasksCell },
    { title: "difference to control", cell: (plan) => windowsCell(plan, differences.get(plan)?.windows) },
    { title: "95 %, p (Holm)", numeric: true, cell: (plan) => chanceCell(plan, differences.get(plan)?.windows) },
    ...(hasPoints ? [points] : []),
  ];
  return htmlTable(`Plans of ${name}, the smallest first. ${READING}`, columns, rows, "plans");
}

function planName({ number, name, policy }: PlanResult): string {
  const prefix = number === 0 ? "" : `<span class="muted">${number}</span> `;
  return `${prefix}${escapeHtml(name)}${below(code(policy))}`;
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
