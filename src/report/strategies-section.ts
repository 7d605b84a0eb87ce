/** The picture of the whole: KL against bits of each model, a line for each strategy and menu. */
import { groupBy } from "../base/group-by.ts";
import { escapeHtml, plural } from "./draw/number-format.ts";
import { drawStrategies } from "./draw/strategy-figure.ts";
import { figure, figureCaption, HALF, type Size, SMALL, WIDE } from "./draw/svg-figure.ts";
import { type ModelResult, paretoFront } from "./results/plan-means.ts";
import { hasMenus, strategyLines, strategyOf } from "./results/strategies.ts";

export function strategiesSection(models: readonly ModelResult[]): string {
  // As large as lets all of them stand side by side, up to three.
  const sizes = [WIDE, WIDE, HALF][models.length] ?? SMALL;
  const figures = models.flatMap((model) => strategyFigure(model, sizes) ?? []);
  if (figures.length === 0) return "";
  const title = models.some(({ plans }) => hasMenus(plans)) ? "Strategies and menus" : "Strategies";
  return `<section id="strategies">
<h2>${title}: KL against bits</h2>
<p>Lower is better. A line nearer to the lower left corner leaves less KL at the same bits. Bars are one standard error of windows and runs together.</p>
<div class="${sizes === SMALL ? "row" : "pair"}">\n${figures.join("\n")}\n</div>
</section>`;
}

function strategyFigure(model: ModelResult, sizes: readonly Size[]): string | undefined {
  const lines = strategyLines(model);
  if (lines.length === 0) return undefined;
  const title = `KL against bits, ${model.name}`;
  const drawn = figure(
    figureCaption(model.name, escapeHtml(reading(model))),
    (size) => drawStrategies(title, lines, size),
    sizes,
  );
  return drawn.replace("<figure>", `<figure data-model="${escapeHtml(model.name)}">`);
}

/** Which strategies the Pareto front consists of, as a sentence. */
function reading({ plans }: ModelResult): string {
  const front = paretoFront(plans, ({ kl }) => kl?.mean);
  const counts = [...groupBy(front, strategyOf)].map(([strategy, own]) => ({ strategy, count: own.length }));
  counts.sort((a, b) => b.count - a.count);
  const told = counts.map(({ strategy, count }) => `${count} ${strategy}`).join(", ");
  return `Pareto front of ${plural(front.length, "plan")}: ${told}.`;
}
