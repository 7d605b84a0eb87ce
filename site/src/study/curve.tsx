/** The curve of plans: KL to the float model over average bits, with a line at the budget. */
import { type Extent, padded, position, valueTicks } from "../../../src/report/draw/axis.ts";
import { bytesText, digits } from "../parts/format.ts";
import { useWidth } from "../parts/use-width.ts";
import { klAt, type StudyModel, type StudyPoint } from "./data.ts";

export interface CurveProps {
  readonly model: StudyModel;
  readonly text: number;
  readonly budget: number;
  readonly chosen: StudyPoint | undefined;
  /** Called with the bits of the plan that was clicked. */
  readonly onBudget: (budget: number) => void;
}

const MARGIN = { left: 46, right: 12, top: 14, bottom: 38 };
/** Strategies whose best plans are joined by a line. */
const LINES = ["rule", "knapsack"];
/** Drawn from back to front. */
const ORDER = ["random", "rule", "uniform", "auto", "knapsack"];

export function Curve({ model, text, budget, chosen, onBudget }: CurveProps) {
  const [place, width] = useWidth<HTMLDivElement>(720);
  const height = width < 520 ? 300 : 400;
  const points = model.points.filter(({ kl }) => kl[text] !== null);
  const area = areaOf(points, text, { width, height });
  const sorted = [...points].sort((a, b) => ORDER.indexOf(a.strategy) - ORDER.indexOf(b.strategy));
  return (
    <div ref={place} class="curve">
      <svg
        {...{ width, height }}
        viewBox={`0 0 ${width} ${height}`}
        role="img"
        aria-label={described(model, text, chosen)}
      >
        <Axes area={area} />
        {LINES.map((strategy) => (
          <path key={strategy} class={`line ${strategy}`} d={frontPath(points, text, { strategy, area })} />
        ))}
        {sorted.map((point) => (
          <Mark
            key={point.name}
            point={point}
            at={area.at(point)}
            isChosen={point === chosen}
            onPick={() => onBudget(point.bits)}
          />
        ))}
        <line class="budget" x1={area.x(budget)} x2={area.x(budget)} y1={MARGIN.top} y2={height - MARGIN.bottom} />
      </svg>
    </div>
  );
}

interface Area {
  readonly width: number;
  readonly height: number;
  readonly bits: Extent;
  readonly kl: Extent;
  readonly x: (bits: number) => number;
  readonly y: (kl: number) => number;
  readonly at: (point: StudyPoint) => readonly [number, number];
}

function areaOf(
  points: readonly StudyPoint[],
  text: number,
  size: { readonly width: number; readonly height: number },
): Area {
  const bits = padded(
    points.map((point) => point.bits),
    0.04,
    false,
  );
  const kl = padded(
    points.map((point) => klAt(point, text)),
    0.06,
    true,
  );
  const x = (value: number) => MARGIN.left + position(value, bits, false) * (size.width - MARGIN.left - MARGIN.right);
  const y = (value: number) =>
    size.height - MARGIN.bottom - position(value, kl, true) * (size.height - MARGIN.top - MARGIN.bottom);
  return { ...size, bits, kl, x, y, at: (point) => [x(point.bits), y(klAt(point, text))] };
}

function Axes({ area }: { readonly area: Area }) {
  const { width, height, x, y, bits, kl } = area;
  const levels = valueTicks(kl, true).ticks as number[];
  const whole = [2, 2.5, 3, 3.5, 4, 4.5].filter((tick) => bits[0] <= tick && tick <= bits[1]);
  return (
    <g class="axes">
      {levels.map((level) => (
        <g key={level}>
          <line x1={MARGIN.left} x2={width - MARGIN.right} y1={y(level)} y2={y(level)} />
          <text x={MARGIN.left - 8} y={y(level) + 4} text-anchor="end">
            {level}
          </text>
        </g>
      ))}
      {whole.map((tick) => (
        <text key={tick} x={x(tick)} y={height - MARGIN.bottom + 18} text-anchor="middle">
          {tick}
        </text>
      ))}
      <text class="name" x={width - MARGIN.right} y={height - 4} text-anchor="end">
        average bits
      </text>
      <text class="name" x={MARGIN.left + 4} y={MARGIN.top + 2}>
        KL to float, nats a token
      </text>
    </g>
  );
}

interface MarkProps {
  readonly point: StudyPoint;
  readonly at: readonly [number, number];
  readonly isChosen: boolean;
  readonly onPick: () => void;
}

/** Shapes tell strategies apart where colours cannot. A click is a shortcut for what the slider does by keyboard too. */
function Mark({ point, at: [x, y], isChosen, onPick }: MarkProps) {
  const size = { knapsack: 5, auto: 4.6, rule: 4, uniform: 4.6, random: 2.6 }[point.strategy] ?? 3;
  const shape = {
    auto: `M0 ${-1.25 * size}L${1.25 * size} 0L0 ${1.25 * size}L${-1.25 * size} 0Z`,
    uniform: `M${-size} ${-size}H${size}V${size}H${-size}Z`,
  }[point.strategy];
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the slider is the control, and this only a shortcut to it
    <g
      class={`mark ${point.strategy}${isChosen ? " chosen" : ""}`}
      transform={`translate(${x.toFixed(1)} ${y.toFixed(1)})`}
      onClick={onPick}
    >
      <title>{`${point.name}: ${digits(point.bits)} bits, ${bytesText(point.bytes)}`}</title>
      {isChosen && <circle class="ring" r={10} />}
      {shape === undefined ? <circle r={size} /> : <path d={shape} />}
    </g>
  );
}

/** The best plans of a strategy from left to right: each better than all smaller ones. */
function frontPath(
  points: readonly StudyPoint[],
  text: number,
  { strategy, area }: { readonly strategy: string; readonly area: Area },
): string {
  const own = points.filter((point) => point.strategy === strategy).sort((a, b) => a.bits - b.bits);
  let least = Number.POSITIVE_INFINITY;
  const front = own.filter((point) => {
    const better = klAt(point, text) < least;
    if (better) least = klAt(point, text);
    return better;
  });
  return front
    .map(
      (point, i) =>
        `${i === 0 ? "M" : "L"}${area
          .at(point)
          .map((value) => value.toFixed(1))
          .join(" ")}`,
    )
    .join("");
}

function described(model: StudyModel, text: number, chosen: StudyPoint | undefined): string {
  const about = `KL to the float model over average bits of ${model.points.length} plans of ${model.name}.`;
  if (chosen === undefined) return about;
  return `${about} Chosen: ${chosen.name}, ${digits(chosen.bits)} bits, KL ${digits(klAt(chosen, text))}.`;
}
