import type { FormatError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";

/** One row of a data file: what it holds, or what is wrong with it. */
export interface DataRow {
  /** `file: line 3` */
  readonly where: string;
  /** Where the file has a line for each row: its number, from 1. */
  readonly line?: number;
  readonly doc: JsonObject | FormatError;
}
