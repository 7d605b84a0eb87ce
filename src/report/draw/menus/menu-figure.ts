/**
 * Figure of a designed comparison: KL against average bits, a line for each menu and strategy with its name where it ends, uniform plans as points,
 * random plans as bands.
 */
import { areaY, dot, gridX, gridY, line, type Markish, text } from "@observablehq/plot";
import { groupBy } from "../../../base/group-by.ts";
import type { Design } from "../../results/design.ts";
import { type ModelResult, mean, type PlanResult } from "../../results/plan-means.ts";
import { RANDOM, RULE } from "../../results/strategies.ts";
import { padded, position, spread, valueTicks } from "../axis.ts";
import { pointTitle } from "../strategy-figure.ts";
import { drawPlot, type Size } from "../svg-figure.ts";

/** Colours of menus, those with fewer widths first. */
export const MENU_COLOURS: readonly string[] = ["var(--other)", "var(--front)", "var(--ink)"];
/** Rules are dashed, what is compared with them is not, further strategies are dotted. */
const DASHES = ["6 4", "0", "1.5 3.5"];

interface MenuLine {
  readonly strategy: string;
  readonly menu: string;
  readonly colour: string;
  readonly dash: string;
  /** From the smallest to the largest. */
  readonly plans: readonly PlanResult[];
}

/** The range of random plans of one size: the least and the largest KL of their seeds. */
interface Drawn {
  readonly bits: number;
  readonly lo: number;
  readonly hi: number;
}

export function drawMenus(model: ModelResult, design: Design, size: Size): string {
  const lines = menuLines(design);
  const bands = design.menus.map((menu) => bandOf(design, menu));
  const uniform = model.plans.filter(({ policy, kl }) => policy.startsWith("uniform:") && kl !== undefined);
  const plans = [...lines.flatMap((one) => one.plans), ...uniform];
  const x = padded([...plans.map(({ averageBits }) => averageBits)], 0.04, false);
  const y = padded([...plans.map(klOf), ...bands.flat().flatMap(({ lo, hi }) => [lo, hi])], 0.06, true);
  const [top, bottom] = [30, size.kind === "wide" ? 400 : 340];
  const yPixel = (plan: PlanResult) => bottom - position(klOf(plan), y, true) * (bottom - top);
  return drawPlot(`KL against bits, ${model.name}`, size, {
    ...{ height: bottom + 44, marginLeft: 48, marginRight: size.kind === "narrow" ? 92 : 120 },
    ...{ marginTop: top, marginBottom: 44 },
    x: { domain: x, label: "bits a weight", ticks: 5, tickFormat: String },
    y: { domain: y, type: "log", label: "KL, nats a token", ...valueTicks(y, true) },
    marks: [
      gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks: 5 }),
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: valueTicks(y, true).ticks }),
      ...bandMarks(bands),
      ...lines.flatMap(lineMarks),
      ...uniformMarks(uniform),
      ...endLabels(lines, yPixel, size),
    ],
  });
}

function klOf({ kl }: PlanResult): number {
  return kl?.mean ?? 0;
}

function menuLines({ menus, budgets, rivals, planAt }: Design): MenuLine[] {
  return menus.flatMap((menu, m) =>
    [RULE, ...rivals].flatMap((strategy, s) => {
      const found = budgets.flatMap((budget) => planAt(strategy, { menu, budget }) ?? []);
      const plans = [...new Set(found)].sort((a, b) => a.averageBits - b.averageBits);
      const look = { colour: MENU_COLOURS[m % MENU_COLOURS.length], dash: DASHES[Math.min(s, DASHES.length - 1)] };
      return plans.length === 0 ? [] : [{ strategy, menu, plans, ...look }];
    }),
  );
}

function bandOf({ budgets, planAt }: Design, menu: string): Drawn[] {
  return budgets.flatMap((budget) => {
    const plan = planAt(RANDOM, { menu, budget });
    if (plan?.kl === undefined) return [];
    const seeds = [...groupBy(plan.cells, ({ seed }) => String(seed)).values()];
    const means = seeds.map((cells) => mean(cells.map(({ kl }) => kl?.mean ?? 0)));
    return [{ bits: plan.averageBits, lo: Math.min(...means), hi: Math.max(...means) }];
  });
}

function bandMarks(bands: readonly (readonly Drawn[])[]): Markish[] {
  const shown = bands.filter((band) => band.length > 0);
  const areas = shown.map((band) =>
    areaY(band, {
      ...{ x: "bits", y1: "lo", y2: "hi", fill: "var(--control)", fillOpacity: 0.3 },
      ...{ stroke: "var(--control)", strokeWidth: 4, strokeOpacity: 0.3, strokeLinejoin: "round" },
    }),
  );
  // One label for all bands, above the highest.
  const [highest] = shown.map((band) => band[band.length - 1]).sort((a, b) => b.hi - a.hi);
  if (highest === undefined) return [];
  const label = { x: "bits", y: "hi", text: () => "random plans", fill: "var(--muted)" };
  return [...areas, text([highest], { ...label, ...HALO, textAnchor: "start", dx: 5, dy: -7 })];
}

const HALO = { stroke: "var(--paper)", strokeWidth: 4 } as const;

function lineMarks({ plans, colour, dash }: MenuLine): Markish[] {
  const at = { x: "averageBits", y: klOf };
  return [
    line(plans, { ...at, stroke: colour, strokeWidth: 2.5, strokeDasharray: dash }),
    dot(plans, { ...at, r: 3.5, fill: colour, stroke: "var(--paper)", title: pointTitle }),
  ];
}

function uniformMarks(plans: readonly PlanResult[]): Markish[] {
  const at = { x: "averageBits", y: klOf };
  const name = ({ policy }: PlanResult) => policy.replace(":", " ");
  return [
    dot(plans, { ...at, r: 5, symbol: "square", fill: "var(--ink)", stroke: "var(--paper)", title: pointTitle }),
    text(plans, { ...at, ...HALO, text: name, fill: "var(--ink)", textAnchor: "start", dx: 9, dy: -7 }),
  ];
}

/** The names of lines, right of where they end and moved apart. */
function endLabels(lines: readonly MenuLine[], yPixel: (plan: PlanResult) => number, size: Size): Markish[] {
  const ends = lines.map(({ plans }) => plans[plans.length - 1]);
  const wanted = ends.map(yPixel);
  return spread(wanted, size.fontSize * 2.6).map((place, i) => {
    const { strategy, menu, colour } = lines[i];
    return text([ends[i]], {
      ...{ x: "averageBits", y: klOf, dx: 10, dy: place - wanted[i], textAnchor: "start" },
      ...{
        text: () => `${strategy === RULE ? "best rule" : strategy}\n${menu}`,
        fill: colour,
        fontWeight: 600,
        ...HALO,
      },
    });
  });
}
