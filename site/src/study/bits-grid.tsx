/** Which expert and projection of which block has how many bits: one cell for each linear. */
import { useState } from "preact/hooks";
import { digits } from "../parts/format.ts";
import { useWidth } from "../parts/use-width.ts";
import type { Place } from "./data.ts";

export interface BitsGridProps {
  readonly modules: readonly Place[];
  /** A digit for the bits of each linear. */
  readonly plan: string;
  /** What the plan is, in words. */
  readonly name: string;
}

interface Column {
  readonly expert: number;
  readonly projection: string;
}

const ROW = 26;
const HEAD = 40;
const LEFT = 48;
const RIGHT = 36;
/** Between groups of columns. */
const GAP = 5;
const LEAST_CELL = 7;
/** Cells that are narrower hold no digit. */
const CELL_WITH_DIGIT = 13;

export function BitsGrid({ modules, plan, name }: BitsGridProps) {
  const [place, width] = useWidth<HTMLDivElement>(900);
  const [under, setUnder] = useState<number>();
  const columns = columnsOf(modules);
  const layers = [...new Set(modules.map(([layer]) => layer))].sort((a, b) => a - b);
  const groups = new Set(columns.map(({ expert }) => expert)).size;
  const cell = Math.max(LEAST_CELL, Math.min(34, (width - LEFT - RIGHT - groups * GAP) / columns.length));
  const lefts = leftsOf(columns, cell);
  const full = (lefts.at(-1) ?? 0) + cell + RIGHT;
  const height = HEAD + layers.length * ROW + 4;
  return (
    <figure class="bits">
      <div ref={place} class="scroll">
        <svg
          width={full}
          {...{ height }}
          viewBox={`0 0 ${full} ${height}`}
          role="img"
          aria-label={`Bits of each linear, ${name}. ${summaryOf(modules, plan)}`}
        >
          <Heads {...{ columns, lefts, cell }} />
          {layers.map((layer, row) => (
            <text key={layer} class="side" x={0} y={HEAD + row * ROW + 17}>{`block ${layer}`}</text>
          ))}
          {modules.map((module, i) => {
            const at = columns.findIndex(({ expert, projection }) => expert === module[1] && projection === module[2]);
            const [x, y] = [lefts[at], HEAD + layers.indexOf(module[0]) * ROW];
            return (
              <g key={module.join()} class={`cell b${plan[i]}`} onPointerEnter={() => setUnder(i)}>
                <rect {...{ x, y }} width={cell - 1} height={ROW - 2} rx={2} />
                {cell >= CELL_WITH_DIGIT && (
                  <text x={x + (cell - 1) / 2} y={y + 16} text-anchor="middle">
                    {plan[i]}
                  </text>
                )}
              </g>
            );
          })}
          {layers.map((layer, row) => (
            <text key={layer} class="side" x={full} y={HEAD + row * ROW + 17} text-anchor="end">
              {meanBits(modules, plan, (module) => module[0] === layer)}
            </text>
          ))}
        </svg>
      </div>
      <figcaption class="under">
        <Key plan={plan} />
        <span class="muted small">
          {under === undefined || under >= modules.length
            ? summaryOf(modules, plan)
            : sentenceOf(modules[under], plan[under])}
        </span>
      </figcaption>
    </figure>
  );
}

function Heads({
  columns,
  lefts,
  cell,
}: {
  readonly columns: readonly Column[];
  readonly lefts: readonly number[];
  readonly cell: number;
}) {
  return (
    <g class="heads">
      {columns.map(({ expert, projection }, i) => {
        const isFirst = i === 0 || columns[i - 1].expert !== expert;
        const size = columns.filter((other) => other.expert === expert).length;
        const word =
          expert === -1
            ? size > 3 && size * cell < 60
              ? "attn"
              : "attention"
            : size * cell < 60
              ? String(expert)
              : `expert ${expert}`;
        return (
          <g key={`${expert} ${projection}`}>
            {isFirst && (
              <text class="group" x={lefts[i] + (size * cell) / 2} y={13} text-anchor="middle">
                {word}
              </text>
            )}
            <text x={lefts[i] + cell / 2} y={32} text-anchor="middle">
              {cell >= 30 ? projection : projection[0]}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function Key({ plan }: { readonly plan: string }) {
  return (
    <span class="key-row">
      {["2", "3", "4", "8"]
        .filter((width) => plan.includes(width))
        .map((width) => (
          <span key={width} class="key">
            <svg width={14} height={14} class={`cell b${width}`} aria-hidden="true">
              <rect width={14} height={14} rx={2} />
            </svg>
            {width} bits
          </span>
        ))}
    </span>
  );
}

function columnsOf(modules: readonly Place[]): readonly Column[] {
  const columns: Column[] = [];
  for (const [, expert, projection] of modules)
    if (!columns.some((column) => column.expert === expert && column.projection === projection))
      columns.push({ expert, projection });
  return columns.sort((a, b) => a.expert - b.expert);
}

function leftsOf(columns: readonly Column[], cell: number): readonly number[] {
  let x = LEFT;
  return columns.map(({ expert }, i) => {
    if (i > 0) x += cell + (columns[i - 1].expert === expert ? 0 : GAP);
    return x;
  });
}

function meanBits(modules: readonly Place[], plan: string, isIn: (place: Place) => boolean): string {
  const own = modules.flatMap((module, i) => (isIn(module) ? [Number(plan[i])] : []));
  return own.length === 0 ? "-" : digits(own.reduce((sum, bits) => sum + bits, 0) / own.length);
}

function sentenceOf([layer, expert, projection]: Place, bits: string): string {
  return `Block ${layer}, ${expert === -1 ? "attention" : `expert ${expert}`}, ${projection}: ${bits} bits.`;
}

/** Mean bits by projection, every linear counted once. */
function summaryOf(modules: readonly Place[], plan: string): string {
  const projections = [...new Set(modules.map(([, , projection]) => projection))];
  const parts = projections.map(
    (projection) => `${projection} ${meanBits(modules, plan, (module) => module[2] === projection)}`,
  );
  return `Mean bits: ${parts.join(", ")}.`;
}
