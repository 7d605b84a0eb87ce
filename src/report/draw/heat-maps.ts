/** Heat maps: which experts get tokens, and where a plan's loss is. */
import { cell, type Markish, text } from "@observablehq/plot";
import { groupBy } from "../../base/group-by.ts";
import type { PlanResult } from "../results/plan-means.ts";
import { digits, percent } from "./number-format.ts";
import { drawPlot, figure, figureCaption, HALF, type Size, WIDE } from "./svg-figure.ts";

interface HeatCell {
  readonly layer: number;
  readonly column: string;
  readonly share: number;
}

/** Cells that are narrower than this hold no number. */
const CELL_WITH_TEXT = 34;
/** Share of the darkest colour from which on numbers are drawn in the colour of the paper. */
const TURN = 0.66;
const ROLES = ["attention", "dense", "shared", "expert"];

/** Share of its layer's tokens of each expert, in the float model. */
export function usageFigure(model: string, float: PlanResult): string | undefined {
  const uses = float.cells.flatMap(({ experts }) => experts);
  if (uses.length === 0) return undefined;
  const layers = groupBy(uses, ({ layer }) => String(layer));
  const shares = [...layers.values()].flatMap((own) => {
    const total = own.reduce((sum, { tokens }) => sum + tokens, 0) || 1;
    return [...groupBy(own, ({ expert }) => String(expert))].map(([column, same]) => ({
      layer: own[0].layer,
      column,
      share: same.reduce((sum, { tokens }) => sum + tokens, 0) / total,
    }));
  });
  const experts = [...new Set(uses.map(({ expert }) => expert))].sort((a, b) => a - b).map(String);
  const title = `Expert usage of ${model}`;
  const reading = `Share of its layer’s tokens that each expert takes; an even share is ${percent(1 / experts.length)}.`;
  return heatFigure(title, figureCaption(title, reading), shares, experts, "expert");
}

/** Share of the plan's whole loss, by layer and kind of linear; the mean over its runs. */
export function lossFigure(model: string, plan: PlanResult): string | undefined {
  const measured = plan.cells.filter((run) => run.losses.length > 0);
  const losses = measured.flatMap((run) => run.losses);
  const total = losses.reduce((sum, { loss }) => sum + loss, 0);
  if (total === 0) return undefined;
  const kindOf = ({ role, projection }: (typeof losses)[number]) => `${role} ${projection}`;
  const shares = [...groupBy(losses, (loss) => `${loss.layer} ${kindOf(loss)}`).values()].map((own) => ({
    layer: own[0].layer,
    column: kindOf(own[0]),
    share: own.reduce((sum, { loss }) => sum + loss, 0) / total,
  }));
  const columns = [...new Set(losses.map(kindOf))].sort((a, b) => roleOrder(a) - roleOrder(b));
  const each = (total / measured.length).toPrecision(3);
  const caption = figureCaption(plan.name, `Share of the loss of all linears, ${each} in all.`);
  return heatFigure(`Error by layer and projection, ${model}, plan ${plan.name}`, caption, shares, columns, "");
}

/** The order of roles in a block; unknown ones come last. */
function roleOrder(kind: string): number {
  const place = ROLES.indexOf(kind.split(" ")[0]);
  return place < 0 ? ROLES.length : place;
}

function heatFigure(
  title: string,
  caption: string,
  cells: readonly HeatCell[],
  columns: readonly string[],
  label: string,
): string {
  const most = Math.max(...cells.map(({ share }) => share)) || 1;
  const steps = [0, 0.25, 0.5, 0.75, 1].map((step) => `<i style="opacity:${step}"></i>`).join("");
  const key = `<span class="ramp">0 ${steps} ${percent(most)}</span>`;
  const draw = (size: Size) => drawHeat(title, cells, columns, label, most, size);
  return figure(`${caption} ${key}`, draw, label === "" ? HALF : WIDE);
}

function drawHeat(
  title: string,
  cells: readonly HeatCell[],
  columns: readonly string[],
  label: string,
  most: number,
  size: Size,
): string {
  const layers = [...new Set(cells.map(({ layer }) => layer))].sort((a, b) => a - b);
  const marginLeft = size.kind === "wide" ? 64 : 44;
  const slant = label === "" ? { tickRotate: -40 } : {};
  const marginBottom = label === "" ? 96 : 44;
  const width = (size.width - marginLeft - 8) / columns.length;
  const height = layers.length > 16 ? 14 : 26;
  // Only every other name, or fewer, if all of them would run into each other.
  const every = Math.ceil((label === "" ? 18 : 26) / width);
  const x = { ...BAND, domain: columns, padding: 0.06, label: label || null, ...slant, ticks: thinned(columns, every) };
  const y = { ...BAND, domain: layers, padding: 0.08, label: "layer", ticks: thinned(layers, height < 20 ? 2 : 1) };
  const hasNumbers = width >= CELL_WITH_TEXT && height >= 20;
  return drawPlot(title, size, {
    ...{ marginLeft, marginBottom, marginTop: 4, marginRight: 8 },
    height: layers.length * height + marginBottom + 4,
    ...{ x, y, marks: heatMarks(cells, label, most, hasNumbers) },
  });
}

const BAND = { type: "band", tickSize: 0 } as const;

function heatMarks(cells: readonly HeatCell[], label: string, most: number, hasNumbers: boolean): Markish[] {
  const shades = cell(cells, {
    x: "column",
    y: "layer",
    fill: "var(--heat)",
    fillOpacity: ({ share }: HeatCell) => share / most,
    title: describe(label),
  });
  if (!hasNumbers) return [shades];
  const numbers = text(cells, {
    x: "column",
    y: "layer",
    text: ({ share }: HeatCell) => digits(100 * share, share < 0.0995 ? 1 : 0),
    fill: ({ share }: HeatCell) => (share > most * TURN ? "var(--paper)" : "var(--ink)"),
  });
  return [shades, numbers];
}

function describe(label: string): (cell: HeatCell) => string {
  return ({ layer, column, share }) => `layer ${layer}, ${label === "" ? "" : `${label} `}${column}: ${percent(share)}`;
}

function thinned<T>(values: readonly T[], every: number): T[] {
  return values.filter((_, i) => i % every === 0);
}
