/** The grids of a sweep as settings: the values of the configuration override the defaults. */
import type { GridSettings } from "../../compress/recipe/check-settings.ts";
import { defaultGrid, STUDY_GRID } from "../../compress/recipe/settings.ts";
import type { SweepGrid } from "./sweep-config.ts";

const DEFAULT_GROUP = 64;

/** The settings of a grid, which override the defaults of a plan. Error feedback doubles the time, so only a grid that sets it has it. */
export function cellGrid(grid: SweepGrid, defaults: GridSettings): GridSettings {
  const { name: _, preset, groupSize: __, ...own } = grid;
  return { ...(preset === "study" ? STUDY_GRID : defaults), errorFeedback: 0, ...own };
}

export function groupSizeOf({ groupSize = DEFAULT_GROUP }: SweepGrid): number {
  return groupSize;
}

/** All settings of a grid with their defaults, for plans with 2 or 3 bits and for others: part of a cell's key. */
export function wholeGrids(grid: SweepGrid): unknown {
  const groupSize = groupSizeOf(grid);
  const under = (bits: 2 | 4) => {
    const modules = new Map([["any", { bits, groupSize }]]);
    return cellGrid(grid, defaultGrid(modules, { method: grid.method }));
  };
  return { groupSize, low: under(2), high: under(4) };
}
