/** What the page tells of one model: figures of quality, the table of plans, heat maps. */
import type { Difference, Differences } from "./differences.ts";
import { digits, escapeHtml, klDecimals, megabytes, percent, probability, signed, span } from "./format.ts";
import { lossFigure, usageFigure } from "./heat.ts";
import { bestBySize, type ModelResult, type PlanResult, paretoFront } from "./plans.ts";
import { figure, figureCaption } from "./plot.ts";
import { drawScatter, hasNames, type Scatter } from "./scatter.ts";
import { type Column, code, htmlTable } from "./table.ts";

/** More heat maps than this tell nothing new. */
const LOSS_FIGURES = 4;
const KEY = `<span class="key front"></span> none is better at as few bytes, <span class="key other"></span> other plans, \
<span class="key control"></span> drawn at random`;

const READING = "±: one standard error; below it that of the runs (draws and seeds) alone.";

export function modelSection(model: ModelResult, differences: Differences): string {
  const { name, float, plans } = model;
  const losses = bestBySize(plans).flatMap((plan) => lossFigure(name, plan) ?? []);
  const usage = float === undefined ? undefined : usageFigure(name, float);
  const pairs = losses.length === 0 ? "" : `<div class="pair">\n${losses.slice(0, LOSS_FIGURES).join("\n")}\n</div>`;
  return [
    `<section>\n<h2>${escapeHtml(name)}</h2>`,
    "<h3>Quality against true bytes</h3>",
    ...qualityFigures(model),
    "<h3>Plans</h3>",
    planTable(model, differences),
    ...(usage === undefined ? [] : ["<h3>Expert usage</h3>", usage]),
    ...(pairs === "" ? [] : ["<h3>Error by layer and projection</h3>", pairs]),
    "</section>",
  ].join("\n");
}

function qualityFigures({ name, float, plans, chance }: ModelResult): string[] {
  const kl: Scatter = {
    title: `KL from the float model against true bytes, ${name}`,
    plans,
    front: paretoFront(plans, ({ kl }) => kl?.mean),
    measure: (plan) => plan.kl,
    label: "KL, nats a token",
    log: true,
    levels: [],
  };
  const tasks: Scatter = {
    title: `Mean of the tasks against true bytes, ${name}`,
    plans,
    front: paretoFront(plans, (plan) => plan.tasks && -plan.tasks.mean),
    measure: (plan) => plan.tasks,
    label: "mean score of the tasks",
    log: false,
    levels: [
      ...(float?.tasks === undefined ? [] : [{ value: float.tasks.mean, name: "float" }]),
      ...(chance === undefined ? [] : [{ value: chance, name: "chance" }]),
    ],
  };
  const size = float === undefined ? "" : ` The float model, of ${megabytes(float.trueBytes)} MB, is its 0.`;
  return [
    qualityFigure(kl, `Lower is better, on a logarithmic axis.${size}`),
    qualityFigure(tasks, "Higher is better."),
  ].filter((html) => html !== undefined);
}

function qualityFigure(scatter: Scatter, reading: string): string | undefined {
  const shown = scatter.plans.filter((plan) => (scatter.measure(plan)?.mean ?? 0) > 0);
  if (shown.length === 0) return undefined;
  const caption = `${reading} Bars: one standard error of windows or items and runs together. ${KEY}.`;
  const names = shown.map((plan) => `<li>${plan.number} ${escapeHtml(plan.name)}</li>`);
  return figure(
    figureCaption(scatter.title, caption),
    (size) =>
      drawScatter(scatter, size) + (hasNames(size, shown.length) ? "" : `<ul class="names">${names.join("")}</ul>`),
  );
}

function planTable({ name, float, plans }: ModelResult, differences: Differences): string {
  const rows = float === undefined ? plans : [float, ...plans];
  const difference = (show: (difference: Difference, decimals: number) => string) => (plan: PlanResult) => {
    const found = differences.get(plan);
    return found === undefined ? digits(undefined, 0) : show(found, klDecimals(plan.kl?.mean ?? 0));
  };
  const hasTasks = rows.some(({ tasks }) => tasks !== undefined);
  const tasks: Column<PlanResult> = { title: "tasks", numeric: true, cell: tasksCell };
  const hasActivations = rows.some(({ activations }) => activations !== null);
  const activations: Column<PlanResult> = { title: "activations", numeric: true, cell: activationsCell };
  const columns: Column<PlanResult>[] = [
    { title: "plan", cell: planName },
    ...(hasActivations ? [activations] : []),
    { title: "bits", numeric: true, cell: ({ averageBits }) => digits(averageBits, 2) },
    { title: "MB", numeric: true, cell: ({ trueBytes }) => megabytes(trueBytes) },
    { title: "KL", numeric: true, cell: klCell },
    { title: "same top", numeric: true, cell: (plan) => percent(plan.sameTop) },
    { title: "perplexity", numeric: true, cell: ({ perplexity }) => digits(perplexity, 3) },
    ...(hasTasks ? [tasks] : []),
    { title: "difference to control", cell: (plan) => verdict(plan, differences.get(plan)) },
    { title: "95 %", numeric: true, cell: difference(({ interval }, decimals) => span(interval, decimals)) },
    { title: "p (Holm)", numeric: true, cell: difference(({ adjusted }) => probability(adjusted)) },
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

/** Mean, its error, and how far seeds and draws lie apart. */
function klCell({ kl, cells }: PlanResult): string {
  if (kl === undefined) return digits(undefined, 0);
  const runs = cells.length === 1 ? "1 run" : `${cells.length} runs ± ${digits(kl.runsStdErr, klDecimals(kl.mean))}`;
  return `${digits(kl.mean, klDecimals(kl.mean))} ± ${digits(kl.stdErr, klDecimals(kl.mean))}${below(runs)}`;
}

function tasksCell({ tasks }: PlanResult): string {
  if (tasks === undefined) return digits(undefined, 0);
  return `${digits(tasks.mean, 3)}${below(`± ${digits(tasks.stdErr, 3)}`)}`;
}

function verdict({ control, kl }: PlanResult, found: Difference | undefined): string {
  if (control === null) return digits(undefined, 0);
  if (found === undefined) return below(`no windows in common with ${escapeHtml(control)}`);
  const { difference, shown } = found;
  const word = shown ? (difference < 0 ? "better than" : "worse than") : "no difference shown to";
  return `<span class="${shown ? "shown" : "muted"}">${signed(difference, klDecimals(kl?.mean ?? 0))}</span>${below(`${word} ${escapeHtml(control)}`)}`;
}

/** A second, quieter line of a cell. */
function below(html: string): string {
  return `<span class="below">${html}</span>`;
}
