/** The section of the page about one model: figures of quality, the table of plans, heat maps. */

import { lossFigure, usageFigure } from "./draw/heat-maps.ts";
import { escapeHtml, megabytes } from "./draw/number-format.ts";
import { drawScatter, hasNames, type Scatter } from "./draw/scatter.ts";
import { figure, figureCaption } from "./draw/svg-figure.ts";
import { planTable } from "./plan-table.ts";
import type { Differences } from "./results/differences.ts";
import { bestBySize, type ModelResult, paretoFront } from "./results/plan-means.ts";
import { taskTable } from "./task-table.ts";

/** Number of heat maps of losses: more would show nothing new. */
const LOSS_FIGURES = 4;
const KEY = `<span class="key front"></span> none is better at as few bytes, <span class="key other"></span> other plans, \
<span class="key control"></span> drawn at random`;

export function modelSection(model: ModelResult, differences: Differences): string {
  const { name, float, plans } = model;
  const losses = bestBySize(plans).flatMap((plan) => lossFigure(name, plan) ?? []);
  const usage = float === undefined ? undefined : usageFigure(name, float);
  const tasks = taskTable(model);
  const pairs = losses.length === 0 ? "" : `<div class="pair">\n${losses.slice(0, LOSS_FIGURES).join("\n")}\n</div>`;
  return [
    `<section>\n<h2>${escapeHtml(name)}</h2>`,
    "<h3>Quality against true bytes</h3>",
    ...qualityFigures(model),
    "<h3>Plans</h3>",
    planTable(model, differences),
    ...(tasks === undefined ? [] : ["<h3>Tasks</h3>", tasks]),
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
