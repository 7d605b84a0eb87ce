/** The mean of a crossed design whose rows and columns are both random: what a claim says of other draws and of other text. */
import { UsageError } from "../../../base/errors.ts";
import { incompleteBeta, studentQuantile } from "../beta.ts";
import type { Interval } from "../interval.ts";
import { meanWithError } from "../standard-error.ts";
import { requireLevel } from "../stats-checks.ts";
import { type CrossedTable, flatTable } from "./crossed-table.ts";

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

/**
 * The mean of x_rc = m + row_r + column_c + rest_rc with all three terms random. Variances come from mean squares (for such balanced data the same
 * as restricted maximum likelihood, if none is negative; a negative one counts as 0, which makes the error larger). Degrees of freedom: F. E.
 * Satterthwaite, Biometrics Bulletin 2, 1946. S. R. Searle, G. Casella, C. E. McCulloch, "Variance Components", 1992, chapter 4.
 * @throws UsageError for fewer than two rows or columns.
 */
export function crossedMean(table: CrossedTable, level: number = 0.95): CrossedMean {
  requireLevel(level);
  const { rows, columns, values } = flatTable(table);
  if (rows < 2 || columns < 2) throw new UsageError("crossed mean", `${rows} x ${columns} values`, "at least 2 x 2");
  const { mean, ofRows, ofColumns, rest } = meanSquares(values, rows, columns);
  const cells = rows * columns;
  const larger = [Math.max(ofRows, rest), Math.max(ofColumns, rest), rest];
  const stdErr = Math.sqrt((larger[0] + larger[1] - rest) / cells);
  const degrees = [rows - 1, columns - 1, (rows - 1) * (columns - 1)];
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

/** The mean of one row, whose columns alone are random: Student's interval and p, as if the row were the only one there is. */
export function singleRowMean(values: ArrayLike<number>, level: number = 0.95): CrossedMean {
  requireLevel(level);
  const { mean, stdErr, n } = meanWithError(values);
  if (n < 2) throw new UsageError("mean of a row", `${n} values`, "at least 2");
  const reach = studentQuantile((1 + level) / 2, n - 1) * stdErr;
  return {
    ...{ mean, stdErr, freedom: n - 1 },
    interval: [mean - reach, mean + reach],
    p: twoSided(mean, stdErr, n - 1),
    variances: { rows: 0, columns: n * stdErr ** 2, rest: 0 },
  };
}

/** P(|t| >= |mean| / stdErr) for Student's t. */
function twoSided(mean: number, stdErr: number, freedom: number): number {
  if (stdErr === 0) return mean === 0 ? 1 : 0;
  const t = mean / stdErr;
  return incompleteBeta(freedom / 2, 0.5, freedom / (freedom + t * t));
}

function meanSquares(values: Float64Array, rows: number, columns: number) {
  const byRow = new Float64Array(rows);
  const byColumn = new Float64Array(columns);
  values.forEach((value, i) => {
    byRow[Math.floor(i / columns)] += value / columns;
    byColumn[i % columns] += value / rows;
  });
  const mean = byRow.reduce((sum, value) => sum + value, 0) / rows;
  const squares = (means: Float64Array) => means.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const rest = values.reduce(
    (sum, value, i) => sum + (value - byRow[Math.floor(i / columns)] - byColumn[i % columns] + mean) ** 2,
    0,
  );
  return {
    mean,
    ofRows: (columns * squares(byRow)) / (rows - 1),
    ofColumns: (rows * squares(byColumn)) / (columns - 1),
    rest: rest / ((rows - 1) * (columns - 1)),
  };
}
