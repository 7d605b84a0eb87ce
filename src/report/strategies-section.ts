/** The picture of the whole: KL against bits of each model, a line for each strategy and menu. */
import { escapeHtml } from "./draw/number-format.ts";
import { drawStrategies } from "./draw/strategy-figure.ts";
import { figure, figureCaption, HALF } from "./draw/svg-figure.ts";
import { type ModelResult, paretoFront } from "./results/plan-means.ts";
import { hasMenus, type StrategyLine, strategyLines } from "./results/strategies.ts";

export function strategiesSection(models: readonly ModelResult[]): string {
  const figures = models.flatMap((model) => strategyFigure(model) ?? []);
  if (figures.length === 0) return "";
  const title = models.some(({ plans }) => hasMenus(plans)) ? "Strategies and menus" : "Strategies";
  return `<section id="strategies">
<h2>${title}: KL against bits</h2>
<p>Lower is better. A line nearer to the lower left corner leaves less KL at the same bits. Bars are one standard error of windows and runs together.</p>
<div class="pair">\n${figures.join("\n")}\n</div>
</section>`;
}

function strategyFigure(model: ModelResult): string | undefined {
  const lines = strategyLines(model);
  if (lines.length === 0) return undefined;
  const title = `KL against bits, ${model.name}`;
  const drawn = figure(figureCaption(model.name, escapeHtml(reading(lines, model))), (size) => drawStrategies(title, lines, size), HALF);
  return drawn.replace("<figure>", `<figure data-model="${escapeHtml(model.name)}">`);
}

/** Which strategies the Pareto front consists of, as a sentence. */
function reading(lines: readonly StrategyLine[], { plans }: ModelResult): string {
  const front = paretoFront(plans, ({ kl }) => kl?.mean);
  const counts = lines.flatMap(({ strategy, menu, plans: own }) => {
    const count = own.filter((plan) => front.includes(plan)).length;
    return count === 0 ? [] : [`${menu === undefined ? strategy : `${strategy} ${menu}`} ${count}`];
  });
  return `On the Pareto front, of ${front.length} plans: ${counts.reverse().join(", ")}.`;
}
