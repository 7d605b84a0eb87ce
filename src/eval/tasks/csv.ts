/** Comma-separated values (RFC 4180) as rows, each with the number of its first line. */

import { FormatError } from "../../base/errors.ts";
import { parseCsv, type QuoteFault } from "../../files/csv-text.ts";
import { lineOf } from "../../files/lines.ts";
import type { DataRow } from "./data-row.ts";

/** @param columns the names of the columns, for a file without a header; by default the first line names them. */
export function csvRows(text: string, file: string, columns?: readonly string[]): DataRow[] {
  const rows: DataRow[] = [];
  let names = columns;
  let next = 1;
  for (const row of parseCsv(text)) {
    const fields = withoutReturn(row.fields);
    const where = lineOf(file, next);
    next += 1 + fields.reduce((sum, field) => sum + field.split("\n").length - 1, 0);
    if (fields.length === 1 && fields[0] === "") continue;
    if (names === undefined) names = headerOf(fields, where);
    else rows.push({ where, doc: faultOf(row.fault, where) ?? rowOf(fields, names, where) });
  }
  return rows;
}

/** Removes the `\r` of a line that ends with `\r\n`: such a file may still hold plain line ends inside quotes. */
function withoutReturn(fields: readonly string[]): readonly string[] {
  return fields.map((field, index) => (index === fields.length - 1 ? field.replace(/\r$/, "") : field));
}

function headerOf(fields: readonly string[], where: string): readonly string[] {
  const twice = fields.find((name, index) => name === "" || fields.indexOf(name) !== index);
  if (twice === undefined) return fields;
  throw new FormatError(where, `found the column name ${JSON.stringify(twice)}, expected each to be there and once`);
}

function faultOf(fault: QuoteFault | undefined, where: string): FormatError | undefined {
  if (fault === undefined) return undefined;
  const found = fault === "unclosed" ? "a quoted field that does not end" : "a quote within a quoted field";
  return new FormatError(
    where,
    `found ${found}, expected a closing quote before a comma or line end, and "" for a quote`,
  );
}

function rowOf(fields: readonly string[], names: readonly string[], where: string): DataRow["doc"] {
  if (fields.length !== names.length)
    return new FormatError(where, `found ${fields.length} columns, expected ${names.length} (${names.join(", ")})`);
  return Object.fromEntries(names.map((name, index) => [name, fields[index]]));
}
