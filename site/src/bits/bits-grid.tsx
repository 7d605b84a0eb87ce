/** Which expert and projection of which block has how many bits: one cell for each linear. */
import { useState } from "preact/hooks";
import { Scroll } from "../parts/scroll.tsx";
import { useWidth } from "../parts/use-width.ts";
import { HEAD, type Layout, type Linear, layoutOf, meanText, ROW, sentenceOf, summaryOf } from "./bits-layout.ts";
import { groupText } from "./places.ts";

export interface BitsGridProps {
  readonly linears: readonly Linear[];
  /** What the plan is, in words. */
  readonly name: string;
}

/** Cells that are narrower hold no digit. */
const CELL_WITH_DIGIT = 13;
/** Columns that are narrower have a letter for their projection. */
const CELL_WITH_WORD = 30;
/** About the width of a letter. */
const LETTER = 6.6;

export function BitsGrid({ linears, name }: BitsGridProps) {
  const [place, room] = useWidth<HTMLElement>(900);
  const [under, setUnder] = useState<Linear>();
  const layout = layoutOf(linears, room);
  const { width, height, layers } = layout;
  const label = `Bits of each linear, ${name}`;
  return (
    <figure class="bits">
      <Scroll label={label} place={place}>
        <svg
          {...{ width, height }}
          viewBox={`0 0 ${width} ${height}`}
          role="img"
          aria-label={`${label}. ${summaryOf(linears)}`}
        >
          <Heads layout={layout} />
          {layers.map((layer, row) => (
            <g key={layer}>
              <text x={0} y={textLine(row)}>{`block ${layer}`}</text>
              <text x={width} y={textLine(row)} text-anchor="end">
                {meanText(linears.filter((each) => each.layer === layer))}
              </text>
            </g>
          ))}
          {linears.map((linear) => (
            <Cell
              key={`${linear.layer} ${linear.group} ${linear.projection}`}
              {...{ linear, layout }}
              onEnter={() => setUnder(linear)}
            />
          ))}
        </svg>
      </Scroll>
      <figcaption class="under">
        <Key linears={linears} />
        <span class="muted small">
          {under !== undefined && linears.includes(under) ? sentenceOf(under) : summaryOf(linears)}
        </span>
      </figcaption>
    </figure>
  );
}

const textLine = (row: number) => HEAD + row * ROW + 17;

interface CellProps {
  readonly linear: Linear;
  readonly layout: Layout;
  readonly onEnter: () => void;
}

function Cell({ linear: { layer, group, projection, bits }, layout, onEnter }: CellProps) {
  const { columns, lefts, layers, cell } = layout;
  const x = lefts[columns.findIndex((column) => column.group === group && column.projection === projection)];
  const y = HEAD + layers.indexOf(layer) * ROW;
  return (
    <g class={`cell b${bits}`} onPointerEnter={onEnter}>
      <rect {...{ x, y }} width={cell - 1} height={ROW - 2} rx={2} />
      {cell >= CELL_WITH_DIGIT && (
        <text x={x + (cell - 1) / 2} y={y + 16} text-anchor="middle">
          {bits}
        </text>
      )}
    </g>
  );
}

function Heads({ layout: { columns, lefts, cell } }: { readonly layout: Layout }) {
  return (
    <g class="heads">
      {columns.map(({ group, projection }, i) => {
        const isFirst = i === 0 || columns[i - 1].group !== group;
        const size = cell * columns.filter((other) => other.group === group).length;
        const name = groupText(group);
        const short = typeof group === "number" ? String(group) : `${group.slice(0, 3)}.`;
        return (
          <g key={`${group} ${projection}`}>
            {isFirst && (
              <text class="group" x={lefts[i] + size / 2} y={13} text-anchor="middle">
                {size < name.length * LETTER ? short : name}
              </text>
            )}
            <text x={lefts[i] + cell / 2} y={32} text-anchor="middle">
              {cell >= CELL_WITH_WORD ? projection : projection[0]}
            </text>
          </g>
        );
      })}
    </g>
  );
}

function Key({ linears }: { readonly linears: readonly Linear[] }) {
  const widths = [...new Set(linears.map(({ bits }) => bits))].sort((a, b) => a - b);
  return (
    <span class="key-row">
      {widths.map((width) => (
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
