/** Chooses the defaults for options that are left out. The library, the command line and sweeps all use this one place. */
import { UsageError } from "../../base/errors.ts";
import type { Bits } from "../../tensor/linear-shape.ts";
import { DEFAULT_GRID, defaultGrid, type GridSettings, type QuantizeSettings, STUDY_GRID } from "./settings.ts";

/** Defaults beside the grid's: bits and group size, and the calibration's windows, tokens per window and seed. */
export const DEFAULTS: {
  readonly bits: Bits;
  readonly groupSize: number;
  readonly samples: number;
  readonly length: number;
  readonly seed: number;
} = { bits: 4, groupSize: 64, samples: 64, length: 256, seed: 0 };

/** The requested part of a grid. The rest follows from the bits. */
export interface GridWish extends Partial<GridSettings> {
  /** `study`: the settings of arXiv 2406.08155 (symmetric, no clip search, no act-order) instead of the defaults. */
  readonly preset?: "study";
}

/**
 * The grid for these bits: the preset or the defaults, with the requested options in place. If `dampPercent` is requested without
 * `shrinkage`, Hessians are not shrunk, because both guard against the same fault.
 */
export function chooseGrid(modules: QuantizeSettings["modules"], wish: GridWish = {}): GridSettings {
  return gridOver(wish.preset === undefined ? defaultGrid(modules, wish) : DEFAULT_GRID, wish);
}

/** The same over given defaults. The result has every setting, also those that are off. @throws UsageError for an unknown preset. */
export function gridOver(defaults: GridSettings, wish: GridWish): GridSettings {
  if (wish.preset !== undefined && wish.preset !== "study")
    throw new UsageError("preset", String(wish.preset), "study");
  const base = wish.preset === "study" ? STUDY_GRID : defaults;
  const shrinkage = wish.dampPercent === undefined ? base.shrinkage : undefined;
  return {
    method: wish.method ?? base.method,
    symmetric: wish.symmetric ?? base.symmetric,
    clip: wish.clip ?? base.clip,
    actOrder: wish.actOrder ?? base.actOrder,
    staticGroups: wish.staticGroups ?? base.staticGroups,
    deadColumns: wish.deadColumns ?? base.deadColumns,
    gateWeighted: wish.gateWeighted ?? base.gateWeighted ?? false,
    dampPercent: wish.dampPercent ?? base.dampPercent,
    ...(wish.dampIncrement === undefined ? {} : { dampIncrement: wish.dampIncrement }),
    shrinkage: wish.shrinkage ?? shrinkage ?? 0,
    errorFeedback: wish.errorFeedback ?? base.errorFeedback ?? 0,
  };
}
