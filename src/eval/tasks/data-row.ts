import type { FormatError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";

/** One row of a data file, or the error of a row that cannot be read. */
export interface DataRow {
  /** `file: line 3` */
  readonly where: string;
  /** The number of its line, from 1, if the file has a line for each row. */
  readonly line?: number;
  readonly doc: JsonObject | FormatError;
}
