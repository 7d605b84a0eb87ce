/** What the page tells of one model: figures of quality, the table of plans, heat maps. */
import type { Difference, Differences } from "./differences.ts";
import { digits, escapeHtml, megabytes, percent, probability, signed, span } from "./format.ts";
import { lossFigure, usageFigure } from "./heat.ts";
import { bestBySize, type Measured, type ModelResult, type PlanResult, paretoFront } from "./plans.ts";
import { figure } from "./plot.ts";
import { drawScatter, type Scatter } from "./scatter.ts";
import { type Column, code, htmlTable } from "./table.ts";

/** More heat maps than this tell nothing new. */
const LOSS_FIGURES = 4;
const KEY = `<span class="key front"></span> none is better at as few bytes, <span class="key other"></span> other plans, \
<span class="key control"></span> drawn at random`;

export function modelSection(model: ModelResult, differences: Differences): string {
  const { name, float, plans } = model;
  const losses = bestBySize(plans).flatMap((plan) => lossFigure(name, plan) ?? []);
  const usage = float === undefined ? undefined : usageFigure(name, float);
  const heats = [usage, ...losses.slice(0, LOSS_FIGURES)].filter((html) => html !== undefined);
  return [
    `<section>\n<h2>${escapeHtml(name)}</h2>`,
    "<h3>Quality against true bytes</h3>",
    ...qualityFigures(model),
    "<h3>Plans</h3>",
    planTable(model, differences),
    ...(heats.length === 0 ? [] : ["<h3>Experts and errors</h3>", ...heats]),
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
    scatter.title,
    caption,
    (size) => drawScatter(scatter, size) + (size.kind === "wide" ? "" : `<ul class="names">${names.join("")}</ul>`),
  );
}

function planTable({ name, float, plans }: ModelResult, differences: Differences): string {
  const rows = float === undefined ? plans : [float, ...plans];
  const difference = (show: (difference: Difference) => string) => (plan: PlanResult) => {
    const found = differences.get(plan);
    return found === undefined ? digits(undefined, 0) : show(found);
  };
  const hasTasks = rows.some(({ tasks }) => tasks !== undefined);
  const tasks: Column<PlanResult> = { title: "tasks", numeric: true, cell: (plan) => measured(plan.tasks, 3) };
  const columns: Column<PlanResult>[] = [
    { title: "plan", cell: planName },
    { title: "policy", cell: ({ policy }) => `<span class="policy">${code(policy)}</span>` },
    { title: "bits", numeric: true, cell: ({ averageBits }) => digits(averageBits, 3) },
    { title: "MB", numeric: true, cell: ({ trueBytes }) => megabytes(trueBytes) },
    { title: "KL", numeric: true, cell: (plan) => measured(plan.kl, 4) },
    { title: "KL of the runs", numeric: true, cell: runs },
    { title: "same top token", numeric: true, cell: (plan) => percent(plan.sameTop) },
    { title: "perplexity", numeric: true, cell: ({ perplexity }) => digits(perplexity, 3) },
    ...(hasTasks ? [tasks] : []),
    { title: "difference to control", cell: difference(verdict) },
    { title: "95 %", numeric: true, cell: difference(({ interval }) => span(interval, 4)) },
    { title: "p (Holm)", numeric: true, cell: difference(({ adjusted }) => probability(adjusted)) },
    { title: "control", cell: ({ control }) => (control === null ? digits(undefined, 0) : escapeHtml(control)) },
  ];
  return htmlTable(`Plans of ${name}, the smallest first`, columns, rows);
}

function planName({ number, name }: PlanResult): string {
  return number === 0 ? escapeHtml(name) : `<span class="muted">${number}</span> ${escapeHtml(name)}`;
}

function measured(value: Measured | undefined, count: number): string {
  return value === undefined ? digits(undefined, 0) : `${digits(value.mean, count)} ± ${digits(value.stdErr, count)}`;
}

function runs({ kl, cells }: PlanResult): string {
  if (kl === undefined || cells.length === 1) return `${cells.length} run`;
  const [lo, hi] = kl.range;
  return `${digits(lo, 4)} to ${digits(hi, 4)}, ${cells.length} runs`;
}

function verdict({ difference, shown }: Difference): string {
  const value = signed(difference, 4);
  if (!shown) return `${value}, <span class="muted">no difference shown</span>`;
  return `<span class="shown">${value}, ${difference < 0 ? "better" : "worse"}</span>`;
}
