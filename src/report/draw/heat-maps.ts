/** Heat maps: which experts get tokens, and where a plan's loss is. */
import { cell, type Markish, text } from "@observablehq/plot";
import { groupBy } from "../../base/group-by.ts";
import type { PlanResult } from "../results/plan-means.ts";
import { digits, percent } from "./number-format.ts";
import { drawPlot, figure, figureCaption, HALF, type Size, SMALL } from "./svg-figure.ts";
import { evenTones, logTones } from "./tones.ts";

interface HeatCell {
  readonly layer: number;
  readonly column: string;
  readonly share: number;
  /** How far from the scale's beginning, from 0 to 1; below 0 on the other side of a scale with two sides. */
  readonly tone: number;
}

/** The scale of a heat map as HTML: its ends in words around its colours. */
interface Key {
  readonly from: string;
  readonly to: string;
  readonly tones: readonly number[];
  /** What the middle of a scale with two sides is. */
  readonly middle?: string;
}

const LOG_STEPS = [0, 0.25, 0.5, 0.75, 1];
/** Cells that are narrower than this hold no number. */
const CELL_WITH_TEXT = 34;
/** Tone from which on numbers are drawn in the colour of the paper. */
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
  const even = 1 / experts.length;
  const { tones, factor } = evenTones(shares.map(({ share }) => share / even));
  const title = `Expert usage of ${model}`;
  const reading = "Share of its layer\u2019s tokens that each expert takes, in percent.";
  const most = `${digits(factor, 1)} times`;
  const key = {
    from: `1/${digits(factor, 1)} of it`,
    middle: `even share, ${percent(even)}`,
    to: most,
    tones: [-1, -0.5, 0, 0.5, 1],
  };
  const cells = shares.map((cell, i) => ({ ...cell, tone: tones[i] }));
  return heatFigure(title, figureCaption(title, reading), { cells, columns: experts, label: "expert", key });
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
  const caption = figureCaption(plan.name, `Share of the loss of all linears, ${each} in all. Logarithmic.`);
  const { tones, least, most } = logTones(shares.map(({ share }) => share));
  const key = { from: `${percent(least, 3)} or less`, to: percent(most), tones: LOG_STEPS };
  const cells = shares.map((cell, i) => ({ ...cell, tone: tones[i] }));
  return heatFigure(`Error by layer and projection, ${model}, plan ${plan.name}`, caption, {
    cells,
    columns,
    label: "",
    key,
  });
}

/** The outlier score of each layer and kind of linear, in the float model. */
export function outlierFigure(model: string, float: PlanResult): string | undefined {
  const [{ outliers }] = float.cells;
  if (outliers.length === 0) return undefined;
  const { tones, least, most } = logTones(outliers.map(({ score }) => score));
  const kindOf = ({ role, projection }: (typeof outliers)[number]) => `${role} ${projection}`;
  const columns = [...new Set(outliers.map(kindOf))].sort((a, b) => roleOrder(a) - roleOrder(b));
  const cells = outliers.map((one, i) => ({ layer: one.layer, column: kindOf(one), share: one.score, tone: tones[i] }));
  const key = { from: digits(least, 1), to: digits(most, 1), tones: LOG_STEPS };
  const title = `Outlier scores of ${model}`;
  const caption = figureCaption(title, "Logarithmic.");
  return heatFigure(title, caption, { cells, columns, label: "", key, describeValue: (score) => digits(score, 2) });
}

/** The order of roles in a block; unknown ones come last. */
function roleOrder(kind: string): number {
  const place = ROLES.indexOf(kind.split(" ")[0]);
  return place < 0 ? ROLES.length : place;
}

interface HeatMap {
  readonly cells: readonly HeatCell[];
  readonly columns: readonly string[];
  /** What columns are; empty if their names say it. */
  readonly label: string;
  readonly key: Key;
  /** Values as text where they are pointed at; shares as percent if it is missing. */
  readonly describeValue?: (value: number) => string;
}

function heatFigure(title: string, caption: string, map: HeatMap): string {
  const { from, to, middle, tones } = map.key;
  const steps = tones.map((tone) => `<i class="${tone < 0 ? "low" : "high"}" style="opacity:${Math.abs(tone)}"></i>`);
  if (middle !== undefined) steps.splice(Math.floor(tones.length / 2), 1, ` ${middle} `);
  const key = `<span class="ramp">${from} ${steps.join("")} ${to}</span>`;
  return figure(`${caption} ${key}`, (size: Size) => drawHeat(title, map, size), map.label === "" ? SMALL : HALF);
}

function drawHeat(title: string, map: HeatMap, size: Size): string {
  const { cells, columns, label } = map;
  const layers = [...new Set(cells.map(({ layer }) => layer))].sort((a, b) => a - b);
  const marginLeft = 44;
  const slant = label === "" ? { tickRotate: -40 } : {};
  const marginBottom = label === "" ? 96 : 44;
  const width = (size.width - marginLeft - 8) / columns.length;
  const height = layers.length > 16 ? 14 : 26;
  // Only every other name, or fewer, if all of them would run into each other.
  const every = Math.ceil((label === "" ? 18 : 26) / width);
  const x = { ...BAND, domain: columns, padding: 0.06, label: label || null, ...slant, ticks: thinned(columns, every) };
  const y = { ...BAND, domain: layers, padding: 0.08, label: "layer", ticks: thinned(layers, height < 20 ? 2 : 1) };
  const hasNumbers = map.describeValue === undefined && width >= CELL_WITH_TEXT && height >= 20;
  return drawPlot(title, size, {
    ...{ marginLeft, marginBottom, marginTop: 4, marginRight: 8 },
    height: layers.length * height + marginBottom + 4,
    ...{ x, y, marks: heatMarks(map, hasNumbers) },
  });
}

const BAND = { type: "band", tickSize: 0 } as const;

function heatMarks({ cells, label, describeValue = percent }: HeatMap, hasNumbers: boolean): Markish[] {
  const shade = {
    x: "column",
    y: "layer",
    fillOpacity: ({ tone }: HeatCell) => Math.abs(tone),
    title: ({ layer, column, share }: HeatCell) =>
      `layer ${layer}, ${label === "" ? "" : `${label} `}${column}: ${describeValue(share)}`,
  };
  // One mark for each colour, so that the page says it once.
  const [low, high] = [cells.filter(({ tone }) => tone < 0), cells.filter(({ tone }) => tone >= 0)];
  const shades = [cell(high, { ...shade, fill: "var(--heat)" }), cell(low, { ...shade, fill: "var(--low)" })];
  if (!hasNumbers) return shades;
  const numbers = text(cells, {
    x: "column",
    y: "layer",
    text: ({ share }: HeatCell) => digits(100 * share, share < 0.0995 ? 1 : 0),
    fill: ({ tone }: HeatCell) => (Math.abs(tone) > TURN ? "var(--paper)" : "var(--ink)"),
  });
  return [...shades, numbers];
}

function thinned<T>(values: readonly T[], every: number): T[] {
  return values.filter((_, i) => i % every === 0);
}
