/** Figure of KL against average bits with a line for each strategy, labelled where the line ends. */
import { dot, gridX, gridY, line, type Markish, ruleX, text } from "@observablehq/plot";
import type { PlanResult } from "../results/plan-means.ts";
import { KNAPSACK, RANDOM, RULE, type StrategyLine, UNIFORM } from "../results/strategies.ts";
import { type Extent, padded, position, spread, valueTicks } from "./axis.ts";
import { digits } from "./number-format.ts";
import { drawPlot, type Size } from "./svg-figure.ts";

const COLOURS: Readonly<Record<string, string>> = {
  [KNAPSACK]: "var(--front)",
  [RULE]: "var(--other)",
  [UNIFORM]: "var(--ink)",
  [RANDOM]: "var(--control)",
};

interface Named {
  readonly line: StrategyLine;
  readonly label: string;
  readonly colour: string;
}

/** Each strategy has its colour. */
export function drawStrategies(title: string, lines: readonly StrategyLine[], size: Size): string {
  const plans = lines.flatMap((line) => line.plans);
  const wide = size.width > 400;
  const [left, right, top, bottom] = [48, size.width - (wide ? 130 : 92), 30, wide ? 340 : 290];
  const x = padded(
    plans.map(({ averageBits }) => averageBits),
    0.04,
    false,
  );
  const y = padded(
    plans.flatMap(({ kl }) => kl?.mean ?? []),
    0.06,
    true,
  );
  const yPixel = (plan: PlanResult) => bottom - position(plan.kl?.mean ?? y[0], y, true) * (bottom - top);
  const named = namedLines(lines);
  return drawPlot(title, size, {
    ...{ height: bottom + 44, marginLeft: left, marginRight: size.width - right, marginTop: top, marginBottom: 44 },
    x: { domain: x, label: "bits a weight", ticks: 4, tickFormat: String },
    y: { domain: y, type: "log", label: "KL, nats a token", ...valueTicks(y, true) },
    marks: [
      gridX({ stroke: "var(--line)", strokeOpacity: 1, ticks: 4 }),
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: valueTicks(y, true).ticks }),
      ...named.flatMap((one) => lineMarks(one, y)),
      ...labelMarks(named, yPixel, size),
    ],
  });
}

function namedLines(lines: readonly StrategyLine[]): Named[] {
  return lines.map((line) => ({
    line,
    label: LABELS[line.strategy] ?? line.strategy,
    colour: COLOURS[line.strategy] ?? "var(--muted)",
  }));
}

const LABELS: Readonly<Record<string, string>> = { [RULE]: "best rule", [RANDOM]: "random", [UNIFORM]: "uniform" };

function lineMarks({ line: { strategy, plans }, colour }: Named, [lowest]: Extent): Markish[] {
  const at = { x: "averageBits", y: ({ kl }: PlanResult) => kl?.mean ?? 0 };
  const lo = ({ kl }: PlanResult) => Math.max(lowest, (kl?.mean ?? 0) - (kl?.stdErr ?? 0));
  const hi = ({ kl }: PlanResult) => (kl?.mean ?? 0) + (kl?.stdErr ?? 0);
  const strong = strategy === KNAPSACK || strategy === RULE;
  return [
    // Random plans of one size spend their bits in different places, so that a line through them would say nothing.
    ...(strategy === RANDOM ? [] : [line(plans, { ...at, stroke: colour, strokeWidth: strong ? 2.5 : 1.5 })]),
    ruleX(plans, { x: "averageBits", y1: lo, y2: hi, stroke: colour, strokeWidth: 1.5 }),
    dot(plans, {
      ...at,
      r: strategy === RANDOM ? 4.5 : 3.5,
      fill: colour,
      stroke: "var(--paper)",
      symbol: strategy === RANDOM ? "diamond" : "circle",
      title: pointTitle,
    }),
  ];
}

/** What a point tells when it is pointed at. */
export function pointTitle({ name, averageBits, kl }: PlanResult): string {
  return `${name}: KL ${digits(kl?.mean, 4)} ± ${digits(kl?.stdErr, 4)} at ${digits(averageBits, 3)} bits`;
}

/** The names of lines, right of where they end and moved apart. */
function labelMarks(named: readonly Named[], yPixel: (plan: PlanResult) => number, size: Size): Markish[] {
  const ends = named.map(({ line: { plans } }) => plans[plans.length - 1]);
  const wanted = ends.map(yPixel);
  return spread(wanted, size.fontSize * 1.5).map((place, i) =>
    text([ends[i]], {
      x: "averageBits",
      y: ({ kl }: PlanResult) => kl?.mean ?? 0,
      dx: 9,
      dy: place - wanted[i],
      textAnchor: "start",
      text: () => named[i].label,
      fill: named[i].colour,
      stroke: "var(--paper)",
      strokeWidth: 4,
      fontWeight: 600,
    }),
  );
}
