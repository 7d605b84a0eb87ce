/** The picture of the whole: KL against bits of each model, a line for each strategy and menu, and what strategies gain over rules. */
import { groupBy } from "../base/group-by.ts";
import { claimsTable } from "./claims-table.ts";
import { drawGains, type GainRow } from "./draw/menus/gain-bars.ts";
import { drawMenus, MENU_COLOURS } from "./draw/menus/menu-figure.ts";
import { escapeHtml, plural } from "./draw/number-format.ts";
import { drawStrategies } from "./draw/strategy-figure.ts";
import { figure, figureCaption, HALF, type Size, SMALL, WIDE } from "./draw/svg-figure.ts";
import { type Design, designOf } from "./results/design.ts";
import type { Comparisons } from "./results/differences.ts";
import { type ModelResult, paretoFront } from "./results/plan-means.ts";
import { strategyLines, strategyOf } from "./results/strategies.ts";

export function strategiesSection(models: readonly ModelResult[], comparisons: Comparisons): string {
  const designs = models.flatMap((model) => {
    const design = designOf(model);
    return design === undefined ? [] : [{ model, design }];
  });
  const plain = models.filter((model) => designs.every((designed) => designed.model !== model));
  return [
    section(
      { id: "menus", title: "Rules, knapsacks and menus", reading: MENUS, count: designs.length },
      (sizes) => designs.map(({ model, design }) => designFigure(model, design, comparisons, sizes)),
      designs.map(({ model }) => comparisonsOf(model, comparisons)).join("\n"),
    ),
    section({ id: "strategies", title: "Strategies: KL against bits", reading: LINES, count: plain.length }, (sizes) =>
      plain.flatMap((model) => strategyFigure(model, sizes) ?? []),
    ),
  ].join("\n");
}

const LINES =
  "Lower is better. A line nearer to the lower left corner leaves less KL at the same bits. Bars are one standard error of windows and runs together.";
const MENUS = `Lower is better. Each line is the mean over draws and texts of the plans that compete at the budgets. The bars below are what is gained over the \
best rule of the same menu within its bytes, with 95 % intervals; pale ones are not shown to differ.`;

/** The sections that the page has, as anchors and names. */
export function strategyAnchors(models: readonly ModelResult[]): (readonly [anchor: string, name: string])[] {
  const designed = models.filter((model) => designOf(model) !== undefined).length;
  return [
    ...(designed > 0 ? [["menus", "Menus"] as const] : []),
    ...(designed < models.length ? [["strategies", "Strategies"] as const] : []),
  ];
}

interface SectionText {
  readonly id: string;
  readonly title: string;
  readonly reading: string;
  /** Number of models in it. */
  readonly count: number;
}

function section(
  { id, title, reading, count }: SectionText,
  draw: (sizes: readonly Size[]) => readonly string[],
  after: string = "",
): string {
  // As large as lets all of them stand side by side, up to three.
  const sizes = [WIDE, WIDE, HALF][count] ?? SMALL;
  const figures = count === 0 ? [] : draw(sizes);
  if (figures.length === 0) return "";
  return `<section id="${id}">
<h2>${title}</h2>
<p>${reading}</p>
<div class="${sizes === SMALL ? "row" : "pair"}">\n${figures.join("\n")}\n</div>
${after}
</section>`;
}

function designFigure(model: ModelResult, design: Design, comparisons: Comparisons, sizes: readonly Size[]): string {
  const groups = comparisons.claims.get(model) ?? [];
  const isShown: GainRow["isShown"] = (claim) => comparisons.certainty.get(claim)?.shown === true;
  const gains = groups
    .filter(({ kind }) => kind === "rule")
    .map((group) => ({ group, isShown, colour: MENU_COLOURS[design.menus.indexOf(group.menu) % MENU_COLOURS.length] }));
  const drawn = figure(
    `<strong>${escapeHtml(model.name)}</strong>`,
    (size) => `${drawMenus(model, design, size)}\n${drawGains(model.name, gains, size)}`,
    sizes,
  );
  return drawn.replace("<figure>", `<figure data-model="${escapeHtml(model.name)}">`);
}

function comparisonsOf(model: ModelResult, comparisons: Comparisons): string {
  const name = escapeHtml(model.name);
  const table = claimsTable(model.name, comparisons.claims.get(model) ?? [], comparisons);
  return `<details data-model="${name}">\n<summary>All comparisons of ${name}</summary>\n${table}\n</details>`;
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
