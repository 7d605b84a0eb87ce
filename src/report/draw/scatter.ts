/** Figure of quality against true bytes: a point with its error for each plan, and the front of plans that no other plan beats. */
import { dot, gridX, gridY, line, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import type { Measured, PlanResult } from "../results/plan-means.ts";
import { type Extent, padded, position, valueTicks } from "./axis.ts";
import { digits, megabytes } from "./number-format.ts";
import { placeLabels } from "./point-labels.ts";
import { drawPlot, type Size } from "./svg-figure.ts";

export interface Scatter {
  readonly title: string;
  readonly plans: readonly PlanResult[];
  readonly front: readonly PlanResult[];
  readonly measure: (plan: PlanResult) => Measured | undefined;
  readonly label: string;
  readonly log: boolean;
  /** Values to compare with: the float model's, chance. */
  readonly levels: readonly { readonly value: number; readonly name: string }[];
}

interface Mark {
  readonly plan: PlanResult;
  /** In megabytes. */
  readonly x: number;
  readonly y: number;
  readonly lo: number;
  readonly hi: number;
}

interface Frame {
  readonly x: Extent;
  readonly y: Extent;
  readonly log: boolean;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** Kinds of points differ in shape as well as in colour. */
const KINDS = {
  front: { symbol: "circle", fill: "var(--front)", stroke: "var(--front)" },
  other: { symbol: "circle", fill: "var(--paper)", stroke: "var(--other)" },
  control: { symbol: "diamond", fill: "var(--control)", stroke: "var(--control)" },
} as const;

export function drawScatter(scatter: Scatter, size: Size): string {
  const marks = marksOf(scatter);
  const frame = frameOf(scatter, marks, size);
  return drawPlot(scatter.title, size, {
    height: frame.bottom + 46,
    marginLeft: frame.left,
    marginRight: size.width - frame.right,
    marginTop: frame.top,
    marginBottom: 46,
    x: { domain: frame.x, label: "weights, MB", ticks: size.kind === "wide" ? 8 : 4, tickFormat: String },
    y: { domain: frame.y, type: frame.log ? "log" : "linear", label: scatter.label, ...valueTicks(frame.y, frame.log) },
    marks: [
      gridX({ stroke: "var(--line)", strokeOpacity: 1 }),
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: valueTicks(frame.y, frame.log).ticks }),
      ...levelMarks(scatter, frame),
      ...frontMarks(scatter, marks),
      ruleX(marks, { x: "x", y1: "lo", y2: "hi", stroke: "var(--muted)", strokeWidth: 1.5 }),
      ...pointMarks(scatter, marks),
      ...labelMarks(scatter, marks, frame, size),
    ],
  });
}

function marksOf({ plans, measure, log }: Scatter): Mark[] {
  return plans.flatMap((plan) => {
    const value = measure(plan);
    if (value === undefined || (log && value.mean <= 0)) return [];
    const { mean: y, stdErr } = value;
    // A logarithmic axis has no 0: the bar of an error as large as the value ends below the figure.
    const lo = log ? Math.max(y - stdErr, y / 10) : y - stdErr;
    return [{ plan, x: plan.trueBytes / 1e6, y, lo, hi: y + stdErr }];
  });
}

function frameOf({ log, levels }: Scatter, marks: readonly Mark[], size: Size): Frame {
  const wide = size.kind === "wide";
  const shown = levels.map(({ value }) => value);
  const x = padded([...marks.map((mark) => mark.x)], 0.08, false);
  const y = padded([...marks.flatMap(({ lo, hi }) => [lo, hi]), ...shown], 0.1, log);
  return { x, y, log, left: wide ? 64 : 48, right: size.width - (wide ? 20 : 10), top: 34, bottom: wide ? 420 : 320 };
}

function levelMarks({ levels }: Scatter, frame: Frame): Markish[] {
  const dashed = { stroke: "var(--muted)", strokeDasharray: "5 4" };
  return [
    ruleY(levels, { y: "value", ...dashed }),
    text(levels, { y: "value", x: frame.x[1], text: "name", textAnchor: "end", dx: -4, dy: -8, fill: "var(--muted)" }),
  ];
}

/** A line that goes level from each plan of the front to the next: the quality that can be had for a number of bytes. */
function frontMarks({ front, measure }: Scatter, marks: readonly Mark[]): Markish[] {
  const points = front.map((plan) => ({ x: plan.trueBytes / 1e6, y: measure(plan)?.mean ?? 0 }));
  if (points.length === 0 || marks.length < 2) return [];
  const end = { x: Math.max(...marks.map(({ x }) => x)), y: points[points.length - 1].y };
  return [line([...points, end], { x: "x", y: "y", curve: "step-after", stroke: "var(--front)", strokeWidth: 2 })];
}

function pointMarks({ front }: Scatter, marks: readonly Mark[]): Markish[] {
  const kindOf = ({ plan }: Mark) => (plan.isControl ? "control" : front.includes(plan) ? "front" : "other");
  return (["control", "other", "front"] as const).map((kind) =>
    dot(
      marks.filter((mark) => kindOf(mark) === kind),
      { x: "x", y: "y", r: 5, strokeWidth: 2, title: describe, ...KINDS[kind] },
    ),
  );
}

function describe({ plan, x, y, hi }: Mark): string {
  return `${plan.name}: ${digits(y, 4)} ± ${digits(hi - y, 4)} at ${megabytes(x * 1e6)} MB`;
}

/** Names of points, those of the Pareto front first; a point whose name has no room shows it when it is pointed at. */
function labelMarks({ front }: Scatter, all: readonly Mark[], frame: Frame, size: Size): Markish[] {
  const marks = [...all].sort((a, b) => Number(front.includes(b.plan)) - Number(front.includes(a.plan)));
  const points = marks.map(({ plan, x, y }) => ({
    x: frame.left + position(x, frame.x, false) * (frame.right - frame.left),
    y: frame.bottom - position(y, frame.y, frame.log) * (frame.bottom - frame.top),
    text: plan.name,
  }));
  return placeLabels(points, frame, size.fontSize).flatMap((place, i) => {
    if (place === undefined) return [];
    const { dx, dy, anchor } = place;
    const where = { x: "x", y: "y", dx, dy, textAnchor: anchor };
    const look = { fill: "var(--ink)", stroke: "var(--paper)", strokeWidth: 4 };
    return [text([marks[i]], { ...where, text: () => points[i].text, ...look })];
  });
}
