/** Figure of quality against true bytes: a point with its error for each plan, and the front of plans that no other plan beats. */
import { dot, gridX, gridY, line, type Markish, ruleX, ruleY, text } from "@observablehq/plot";
import type { Measured, PlanResult } from "../results/plan-means.ts";
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
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly log: boolean;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

/** With more points than this, names would run into each other. */
const MOST_NAMES = 16;

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
    y: { domain: frame.y, type: frame.log ? "log" : "linear", label: scatter.label, ...yTicks(frame) },
    marks: [
      gridX({ stroke: "var(--line)", strokeOpacity: 1 }),
      gridY({ stroke: "var(--line)", strokeOpacity: 1, ticks: yTicks(frame).ticks }),
      ...levelMarks(scatter, frame),
      ...frontMarks(scatter, marks),
      ruleX(marks, { x: "x", y1: "lo", y2: "hi", stroke: "var(--muted)", strokeWidth: 1.5 }),
      ...pointMarks(scatter, marks),
      ...labelMarks(marks, frame, size),
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

/** The extent of the values with a margin around it, also if all values are equal. */
function padded(values: readonly number[], share: number, log: boolean): readonly [number, number] {
  const [lo, hi] = [Math.min(...values), Math.max(...values)];
  if (log) {
    const air = Math.max((hi / lo) ** share, 1.05);
    return [lo / air, hi * air];
  }
  const air = (hi - lo) * share || Math.abs(hi) * share || 1;
  return [lo - air, hi + air];
}

/** Powers of ten, with 2 and 5 between them if there is room. */
function yTicks({ y: [lo, hi], log }: Frame): { ticks: number[] | number; tickFormat?: (value: number) => string } {
  if (!log) return { ticks: 6, tickFormat: (value) => String(+value.toPrecision(6)) };
  const steps = hi / lo > 300 ? [1] : hi / lo > 4 ? [1, 2, 5] : [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9];
  const ticks: number[] = [];
  for (let power = -12; power <= 6; power++) {
    for (const step of steps) ticks.push(Number(`${step}e${power}`));
  }
  return { ticks: ticks.filter((tick) => lo <= tick && tick <= hi), tickFormat: String };
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

/** Whether there is room for names; otherwise points have numbers, and the names are a list below the figure. */
export function hasNames(size: Size, points: number): boolean {
  return size.kind === "wide" && points <= MOST_NAMES;
}

function labelMarks(marks: readonly Mark[], frame: Frame, size: Size): Markish[] {
  const position = (value: number, [lo, hi]: readonly [number, number], log: boolean) =>
    log ? Math.log(value / lo) / Math.log(hi / lo) : (value - lo) / (hi - lo);
  const points = marks.map(({ plan, x, y }) => ({
    x: frame.left + position(x, frame.x, false) * (frame.right - frame.left),
    y: frame.bottom - position(y, frame.y, frame.log) * (frame.bottom - frame.top),
    text: hasNames(size, marks.length) ? plan.name : String(plan.number),
  }));
  return placeLabels(points, frame, size.fontSize).flatMap((place, i) => {
    if (place === undefined) return [];
    const { dx, dy, anchor } = place;
    return [
      text([marks[i]], {
        x: "x",
        y: "y",
        dx,
        dy,
        textAnchor: anchor,
        text: () => points[i].text,
        fill: "var(--ink)",
        stroke: "var(--paper)",
        strokeWidth: 4,
      }),
    ];
  });
}
