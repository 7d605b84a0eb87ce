/** The section of the page about one model: figures of quality, the table of plans, heat maps. */

import { blockFigure } from "./draw/block-bars.ts";
import { lossFigure, outlierFigure, usageFigure } from "./draw/heat-maps.ts";
import { escapeHtml, megabytes } from "./draw/number-format.ts";
import { drawScatter, type Scatter } from "./draw/scatter.ts";
import { figure, figureCaption } from "./draw/svg-figure.ts";
import { planTable } from "./plan-table.ts";
import type { Differences } from "./results/differences.ts";
import { bestBySize, type ModelResult, paretoFront } from "./results/plan-means.ts";
import { taskTable } from "./task-table.ts";

/** Number of heat maps of losses: more would show nothing new. */
const LOSS_FIGURES = 3;
const KEY = `<span class="key front"></span> on the Pareto front (no plan of as few bytes is better), <span class="key other"></span> other plans, \
<span class="key control"></span> drawn at random`;

export function modelSection(model: ModelResult, differences: Differences): string {
  const { name, float, plans } = model;
  const losses = bestBySize(plans)
    .flatMap((plan) => lossFigure(name, plan) ?? [])
    .slice(0, LOSS_FIGURES);
  const usage = float === undefined ? undefined : usageFigure(name, float);
  const structure = float === undefined ? [] : [blockFigure, outlierFigure].flatMap((draw) => draw(name, float) ?? []);
  return [
    `<section id="${anchorOf(name)}" data-model="${escapeHtml(name)}">\n<h2>${escapeHtml(name)}</h2>`,
    planTable(model, differences),
    ...folded("Every plan: quality against true bytes", qualityFigures(model)),
    ...folded("Tasks", [taskTable(model) ?? ""]),
    ...folded(
      "Importance of blocks and outliers",
      structure.length === 0 ? [] : [`<div class="row">\n${structure.join("\n")}\n</div>`],
    ),
    ...folded("Expert usage", [usage ?? ""]),
    ...folded(
      "Error by layer and projection",
      losses.length === 0 ? [] : [`<div class="row">\n${losses.join("\n")}\n</div>`],
    ),
    "</section>",
  ].join("\n");
}

/** Where links of the page find a model. */
export function anchorOf(model: string): string {
  return `model-${encodeURIComponent(model)}`;
}

/** Details that are closed at first, so that the page is short. */
function folded(title: string, parts: readonly string[]): string[] {
  const html = parts.join("\n");
  return html === "" ? [] : [`<details>\n<summary>${title}</summary>\n${html}\n</details>`];
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
  return figure(figureCaption(scatter.title, caption), (size) => drawScatter(scatter, size));
}
