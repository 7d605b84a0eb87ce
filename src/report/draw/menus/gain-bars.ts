/** Figure of what a strategy gains over the best rule of the same menu: a bar for each budget, with its 95 % interval and its number. */
import { axisX, barY, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import { type Claim, type ClaimGroup, gainInterval } from "../../results/claims.ts";
import { digits } from "../number-format.ts";
import { drawPlot, type Size } from "../svg-figure.ts";

/** A group of claims with how it is drawn. */
export interface GainRow {
  readonly group: ClaimGroup;
  readonly colour: string;
  readonly isShown: (claim: Claim) => boolean;
}

interface Bar {
  readonly budget: number;
  readonly gain: number;
  readonly lo: number;
  readonly hi: number;
  readonly shown: boolean;
}

/** A row of bars for each group, all on one scale, in percent. */
export function drawGains(model: string, rows: readonly GainRow[], size: Size): string {
  const bars = rows.map(barsOf);
  const ends = bars.flat().flatMap(({ gain, lo, hi }) => [gain, lo, hi]);
  const domain = [Math.min(0, ...ends), Math.max(0, ...ends)] as const;
  const isLast = (i: number) => i === rows.length - 1;
  return rows.map((row, i) => drawRow(model, row, bars[i], { domain, size, isLast: isLast(i) })).join("\n");
}

function barsOf({ group, isShown }: GainRow): Bar[] {
  return group.claims.map((claim) => {
    const [lo, hi] = gainInterval(claim);
    return {
      budget: claim.place.budget,
      gain: 100 * claim.found.gain,
      lo: 100 * lo,
      hi: 100 * hi,
      shown: isShown(claim),
    };
  });
}

interface RowLook {
  readonly domain: readonly [number, number];
  readonly size: Size;
  /** The last row names the axis. */
  readonly isLast: boolean;
}

function drawRow(
  model: string,
  { group: { strategy, menu, gain }, colour }: GainRow,
  bars: readonly Bar[],
  { domain, size, isLast }: RowLook,
): string {
  const [top, height, bottom] = [26, 84, isLast ? 38 : 20];
  // The narrow size has no room for the mean.
  const whole = gain === undefined || size.kind === "narrow" ? "" : ` (mean ${digits(100 * gain.mean, 0)} %)`;
  const title = `${strategy} ${menu}: % less KL than rule${whole}`;
  return drawPlot(`${model}, ${title}`, size, {
    ...{ height: top + height + bottom, marginLeft: 8, marginRight: 8, marginTop: top, marginBottom: bottom },
    x: {
      type: "band",
      domain: bars.map(({ budget }) => budget),
      label: isLast ? "bits a weight at most" : null,
      padding: 0.3,
    },
    y: { domain: [domain[0], domain[1] + 0.18 * (domain[1] - domain[0])], axis: null },
    marks: [
      ...barMarks(bars, colour),
      axisX({ tickSize: 0, tickFormat: String, label: isLast ? "bits a weight at most" : null }),
      text([title], { frameAnchor: "top-left", dx: 0, dy: -20, fill: colour, fontWeight: 600 }),
    ],
  });
}

/** Differences that are not shown are pale. */
function barMarks(bars: readonly Bar[], colour: string): Markish[] {
  const describe = ({ budget, gain, lo, hi }: Bar) =>
    `${digits(gain, 1)} % (95 %: ${digits(lo, 1)} to ${digits(hi, 1)}) at ${budget} bits`;
  const at = { x: "budget", title: describe };
  return [
    barY(bars, { ...at, y: "gain", fill: colour, fillOpacity: ({ shown }: Bar) => (shown ? 0.75 : 0.25) }),
    ruleX(bars, { ...at, y1: "lo", y2: "hi", stroke: "var(--ink)", strokeWidth: 1.25 }),
    text(bars, {
      ...{ x: "budget", y: ({ gain, hi }: Bar) => Math.max(gain, hi), dy: -8 },
      ...{ text: ({ gain }: Bar) => digits(gain, 0), fill: "var(--ink)" },
    }),
    ruleY([0], { stroke: "var(--muted)" }),
  ];
}
