/** Two results of one crossed design, compared pair by pair: how much less ours is than theirs, on other rows and other columns too. */
import { UsageError } from "../../../base/errors.ts";
import { type CrossedMean, crossedMean, singleRowMean } from "./crossed-mean.ts";
import type { CrossedTable } from "./crossed-table.ts";

/** What two results measured on the same rows (calibration draws) and columns (windows of text). */
export interface CrossedPair {
  readonly ours: CrossedTable;
  readonly theirs: CrossedTable;
  /** Numbers of columns of each stratum, as `crossedMean` has them. Default: one stratum. */
  readonly strata?: readonly number[];
}

/** Ours minus theirs, with its error over rows and columns. */
export interface CrossedDifference extends CrossedMean {
  /** Means of all cells. */
  readonly ours: number;
  readonly theirs: number;
  /** Share of theirs that ours leaves out: 1 - ours / theirs. */
  readonly gain: number;
  /** Standard deviation over rows of the gain of each row's means; 0 for one row. */
  readonly spreadOfRows: number;
}

/** @throws UsageError for tables of different sizes, and as `crossedMean` does. */
export function crossedDifference(pair: CrossedPair): CrossedDifference {
  const found = randomMean(differencesOf(pair, 1), pair.strata);
  const [ours, theirs] = [meanOfTable(pair.ours), meanOfTable(pair.theirs)];
  const gains = pair.ours.map((row, r) => 1 - meanOf(row) / meanOf(pair.theirs[r]));
  return { ...found, ours, theirs, gain: 1 - ours / theirs, spreadOfRows: deviation(gains) };
}

/**
 * The mean over pairs of the gain, 1 - ours / theirs, with its error over rows and columns, which all pairs share, strata too. Theirs, by which differences are
 * divided, counts as known.
 * @throws UsageError for tables of different sizes, and as `crossedMean` does.
 */
export function crossedGain(pairs: readonly CrossedPair[]): CrossedMean {
  const relative = pairs.map((pair) => differencesOf(pair, -1 / meanOfTable(pair.theirs)));
  const table = relative[0].map((row, r) => row.map((_, c) => meanOf(relative.map((other) => other[r][c]))));
  return randomMean(table, pairs[0].strata);
}

/** One row is the only one there is: its result holds for other columns. */
function randomMean(table: CrossedTable, strata: CrossedPair["strata"]): CrossedMean {
  return table.length === 1 ? singleRowMean(table[0], { strata }) : crossedMean(table, { strata });
}

/** Ours minus theirs, cell by cell, times a factor. */
function differencesOf({ ours, theirs }: CrossedPair, factor: number): number[][] {
  const sizes = [ours, theirs].map((table) => table.map((row) => row.length).join(" "));
  if (sizes[0] !== sizes[1])
    throw new UsageError("crossed difference", `rows of ${sizes[0]} and of ${sizes[1]} values`, "tables of one size");
  return ours.map((row, r) => Array.from(row, (value, c) => (value - theirs[r][c]) * factor));
}

function meanOfTable(table: CrossedTable): number {
  return meanOf(table.map(meanOf));
}

function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}

function deviation(values: readonly number[]): number {
  if (values.length < 2) return 0;
  const mean = meanOf(values);
  return Math.sqrt(values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1));
}
