/** The mean of a crossed design whose rows and columns are both random: what a claim says of other draws and of other text. */
import { UsageError } from "../../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../../base/known-options.ts";
import { incompleteBeta, studentQuantile } from "../beta.ts";
import type { Interval } from "../interval.ts";
import { requireLevel } from "../stats-checks.ts";
import { type CrossedTable, flatTable, strataOf } from "./crossed-table.ts";

/** A mean with its error over rows and columns, and what the error is made of. */
export interface CrossedMean {
  readonly mean: number;
  readonly stdErr: number;
  /** Degrees of freedom of the standard error (Satterthwaite). */
  readonly freedom: number;
  /** Student's interval. */
  readonly interval: Interval;
  /** Two-sided p of a mean of 0. */
  readonly p: number;
  /** Variances of rows, of columns and of what is left, none below 0. */
  readonly variances: { readonly rows: number; readonly columns: number; readonly rest: number };
}

/** The level of the interval, and how many neighbouring columns each stratum has. */
export interface CrossedMeanOptions {
  /** Default 0.95. */
  readonly level?: number;
  /** Numbers of columns that add up to all (windows of each text). Strata are given, not drawn. Default: one stratum. */
  readonly strata?: readonly number[];
}

const OPTIONS: KnownOptions<CrossedMeanOptions> = { level: true, strata: true };

/**
 * The mean of x_rc = m + row_r + column_c + rest_rc with all three terms random. With strata, m and row_r have a value for each stratum, of which the
 * mean over columns counts: texts differ in level, and a draw may suit one more than another. Variances come from mean squares (for such balanced data
 * the same as restricted maximum likelihood, if none is negative; a negative one counts as 0, which makes the error larger). Degrees of freedom: F. E.
 * Satterthwaite, Biometrics Bulletin 2, 1946. S. R. Searle, G. Casella, C. E. McCulloch, "Variance Components", 1992, chapter 4.
 * @throws UsageError for fewer than two rows, or columns that are no more than the strata.
 */
export function crossedMean(table: CrossedTable, options: CrossedMeanOptions = {}): CrossedMean {
  checkKnownOptions<CrossedMeanOptions>("crossedMean", options, OPTIONS);
  const { level = 0.95, strata } = options;
  requireLevel(level);
  const { rows, columns, values } = flatTable(table);
  if (rows < 2 || columns < 2) throw new UsageError("crossed mean", `${rows} x ${columns} values`, "at least 2 x 2");
  const free = freeColumns(columns, strata);
  const { mean, ofRows, ofColumns, rest } = meanSquares(values, rows, strataOf(columns, strata));
  const cells = rows * columns;
  const larger = [Math.max(ofRows, rest), Math.max(ofColumns, rest), rest];
  const stdErr = Math.sqrt((larger[0] + larger[1] - rest) / cells);
  const degrees = [rows - 1, free, (rows - 1) * free];
  const spread = larger.reduce((sum, square, i) => sum + square ** 2 / degrees[i], 0);
  const freedom = spread === 0 ? degrees[2] : (cells * stdErr ** 2) ** 2 / spread;
  const reach = studentQuantile((1 + level) / 2, freedom) * stdErr;
  return {
    ...{ mean, stdErr, freedom },
    interval: [mean - reach, mean + reach],
    p: twoSided(mean, stdErr, freedom),
    variances: { rows: (larger[0] - rest) / columns, columns: (larger[1] - rest) / rows, rest },
  };
}

/**
 * The mean of one row, whose columns alone are random: Student's interval and p, as if the row were the only one there is. Strata as in `crossedMean`.
 * @throws UsageError for fewer than two columns, or columns that are no more than the strata.
 */
export function singleRowMean(values: ArrayLike<number>, options: CrossedMeanOptions = {}): CrossedMean {
  checkKnownOptions<CrossedMeanOptions>("singleRowMean", options, OPTIONS);
  const { level = 0.95, strata } = options;
  requireLevel(level);
  const { columns, values: row } = flatTable([values]);
  if (columns < 2) throw new UsageError("mean of a row", `${columns} values`, "at least 2");
  const freedom = freeColumns(columns, strata);
  const { mean, ofColumns } = meanSquares(row, 1, strataOf(columns, strata));
  const stdErr = Math.sqrt(ofColumns / columns);
  const reach = studentQuantile((1 + level) / 2, freedom) * stdErr;
  return {
    ...{ mean, stdErr, freedom },
    interval: [mean - reach, mean + reach],
    p: twoSided(mean, stdErr, freedom),
    variances: { rows: 0, columns: ofColumns, rest: 0 },
  };
}

/** Columns less one for each stratum. */
function freeColumns(columns: number, strata: readonly number[] = [columns]): number {
  if (columns <= strata.length) throw new UsageError("strata", `[${strata}]`, "one of them with at least 2 columns");
  return columns - strata.length;
}

/** P(|t| >= |mean| / stdErr) for Student's t. */
function twoSided(mean: number, stdErr: number, freedom: number): number {
  if (stdErr === 0) return mean === 0 ? 1 : 0;
  const t = mean / stdErr;
  return incompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

/** Mean squares of rows, of columns within their strata, and of what is left. @param strata the stratum of each column. */
function meanSquares(values: Float64Array, rows: number, strata: readonly number[]) {
  const columns = strata.length;
  const within = (strata.at(-1) ?? 0) + 1;
  const sizes = new Float64Array(within);
  for (const stratum of strata) sizes[stratum]++;
  const byRow = new Float64Array(rows);
  const byColumn = new Float64Array(columns);
  const byPart = new Float64Array(rows * within);
  values.forEach((value, i) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    byRow[row] += value / columns;
    byColumn[column] += value / rows;
    byPart[row * within + strata[column]] += value / sizes[strata[column]];
  });
  const levels = sizes.map((_, stratum) =>
    byPart.reduce((sum, value, i) => sum + (i % within === stratum ? value / rows : 0), 0),
  );
  const mean = byRow.reduce((sum, value) => sum + value, 0) / rows;
  const squares = (means: Float64Array, centre: (i: number) => number) =>
    means.reduce((sum, value, i) => sum + (value - centre(i)) ** 2, 0);
  const fitted = (i: number) => {
    const [row, column] = [Math.floor(i / columns), i % columns];
    const stratum = strata[column];
    return byPart[row * within + stratum] + byColumn[column] - levels[stratum];
  };
  const free = columns - within;
  return {
    mean,
    ofRows: (columns * squares(byRow, () => mean)) / (rows - 1),
    ofColumns: (rows * squares(byColumn, (column) => levels[strata[column]])) / free,
    rest: squares(values, fitted) / ((rows - 1) * free),
  };
}
