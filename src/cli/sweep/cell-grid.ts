/** The grids of a sweep as settings: what a configuration says over the defaults of `quantize`. */
import { chooseGrid, DEFAULTS, type GridWish } from "../../compress/recipe/choose-grid.ts";
import type { SweepGrid } from "./config/sweep-config.ts";

/** What a grid of the configuration asks for. */
export function wishOf({ name: _, groupSize: __, ...wish }: SweepGrid): GridWish {
  return wish;
}

export function groupSizeOf({ groupSize = DEFAULTS.groupSize }: SweepGrid): number {
  return groupSize;
}

/** All settings of a grid with their defaults, for plans with 2 or 3 bits and for others: part of a cell's key. */
export function wholeGrids(grid: SweepGrid): unknown {
  const groupSize = groupSizeOf(grid);
  const under = (bits: 2 | 4) => chooseGrid(new Map([["any", { bits, groupSize }]]), wishOf(grid));
  return { groupSize, low: under(2), high: under(4) };
}
