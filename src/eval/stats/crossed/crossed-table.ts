/** Values of a crossed design: one for each pair of a row (a calibration draw) and a column (a window of text), in every cell one value. */
import { UsageError } from "../../../base/errors.ts";
import { requireValues } from "../stats-checks.ts";

/** Rows of equally many values. */
export type CrossedTable = readonly ArrayLike<number>[];

/** The table as numbers row by row. @throws UsageError for rows of different lengths, and for values that are not finite. */
export function flatTable(table: CrossedTable): {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
} {
  const [rows, columns] = [table.length, table[0]?.length ?? 0];
  table.forEach((row, r) => {
    requireValues(`row ${r}, value`, row);
    if (row.length !== columns)
      throw new UsageError(`row ${r}`, `${row.length} values`, `${columns}, as many as in the row before`);
  });
  const values = new Float64Array(rows * columns);
  table.forEach((row, r) => {
    values.set(row, r * columns);
  });
  return { rows, columns, values };
}

/** The stratum of each column, for strata of neighbouring columns. @throws UsageError for numbers that do not add up to the columns. */
export function strataOf(columns: number, strata: readonly number[] = [columns]): readonly number[] {
  const places = strata.flatMap((size, stratum) => (size >= 1 ? new Array<number>(size).fill(stratum) : [Number.NaN]));
  if (columns === 0 || places.length !== columns || places.includes(Number.NaN))
    throw new UsageError("strata", `[${strata}]`, `numbers from 1 that add up to the ${columns} columns`);
  return places;
}
