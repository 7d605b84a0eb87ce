/** Where the cells of a grid of bits are, and what it says in words. */
import { digits } from "../parts/format.ts";
import { groupOrder, groupText, type Place, placeOf } from "./places.ts";

export interface Linear extends Place {
  readonly bits: number;
}

export type Column = Pick<Place, "group" | "projection">;

export interface Layout {
  readonly columns: readonly Column[];
  /** The left edge of each column, in pixels. */
  readonly lefts: readonly number[];
  readonly layers: readonly number[];
  readonly cell: number;
  readonly width: number;
  readonly height: number;
}

export const ROW = 26;
export const HEAD = 40;
const LEFT = 48;
const RIGHT = 36;
/** Between groups of columns. */
const GAP = 5;
const CELL = { least: 7, most: 34 };

/** The linears of blocks, from names and bits; others are left out. */
export function linearsOf(modules: readonly { readonly name: string; readonly bits: number }[]): readonly Linear[] {
  return modules.flatMap(({ name, bits }) => {
    const place = placeOf(name);
    return place === undefined ? [] : [{ ...place, bits }];
  });
}

/** Fits the grid into a width, if its cells do not become too narrow. */
export function layoutOf(linears: readonly Linear[], wanted: number): Layout {
  const columns = columnsOf(linears);
  const layers = [...new Set(linears.map(({ layer }) => layer))].sort((a, b) => a - b);
  const groups = new Set(columns.map(({ group }) => group)).size;
  const fitting = (wanted - LEFT - RIGHT - groups * GAP) / columns.length;
  const cell = Math.max(CELL.least, Math.min(CELL.most, fitting));
  let x = LEFT;
  const lefts = columns.map(({ group }, i) => {
    if (i > 0) x += cell + (columns[i - 1].group === group ? 0 : GAP);
    return x;
  });
  return { columns, lefts, layers, cell, width: x + cell + RIGHT, height: HEAD + layers.length * ROW + 4 };
}

function columnsOf(linears: readonly Linear[]): readonly Column[] {
  const columns = new Map<string, Column>();
  for (const { group, projection } of linears) columns.set(`${group} ${projection}`, { group, projection });
  return [...columns.values()].sort((a, b) => groupOrder(a.group) - groupOrder(b.group));
}

export function meanText(linears: readonly Linear[]): string {
  return linears.length === 0 ? "-" : digits(linears.reduce((sum, { bits }) => sum + bits, 0) / linears.length);
}

export function sentenceOf({ layer, group, projection, bits }: Linear): string {
  return `Block ${layer}, ${groupText(group)}, ${projection}: ${bits} bits.`;
}

/** Mean bits by projection, every linear counted once. */
export function summaryOf(linears: readonly Linear[]): string {
  const projections = [...new Set(linears.map(({ projection }) => projection))];
  const means = projections.map(
    (each) => `${each} ${meanText(linears.filter(({ projection }) => projection === each))}`,
  );
  return `Mean bits: ${means.join(", ")}.`;
}
