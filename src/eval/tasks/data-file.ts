/** Reads the data files of tasks, plain or packed, from the folder that the user names. */

import { FileError, FormatError } from "../../base/errors.ts";
import { asObject, type JsonValue, parseJson } from "../../base/json.ts";
import { Turns } from "../../base/turns.ts";
import { unpacked } from "../../files/gzip.ts";
import { jsonLines } from "../../files/jsonl.ts";
import { decodeText, lineOf, linesOf } from "../../files/lines.ts";
import { type FolderSource, readAll } from "../../files/source.ts";
import { csvRows } from "./csv.ts";
import type { DataRow } from "./data-row.ts";
import type { DataFile } from "./task.ts";

/** Limit on an unpacked file. The largest file of the known tasks, HellaSwag's training split, has 47 MB and 40 000 lines. */
const LIMIT_BYTES = 64_000_000;
const LIMIT_LINES = 250_000;

export interface DataRows {
  readonly rows: readonly DataRow[];
  /** Problems that belong to no row in particular. */
  readonly problems: readonly FormatError[];
}

/** All rows of a split, file after file. A file that is missing or is not text throws; a row that cannot be read gives an error in its place. */
export async function readDataRows(
  folder: FolderSource,
  files: readonly DataFile[],
  turns: Turns = new Turns(),
): Promise<DataRows> {
  const rows: DataRow[] = [];
  const problems: FormatError[] = [];
  for (const file of files) {
    const { name, text } = await readText(folder, file.path, turns);
    const own = await rowsOf(text, name, file, turns);
    if (file.labels === undefined) {
      for (const row of own) rows.push(row);
      continue;
    }
    const labels = await readText(folder, file.labels, turns);
    const lines = [...linesOf(labels.text)].map((line) => line.text);
    const expected = own.at(-1)?.line ?? own.length;
    if (lines.length !== expected)
      problems.push(
        new FormatError(
          lineOf(labels.name, Math.min(lines.length, expected) + 1),
          `found ${lines.length} labels in the file, expected ${expected}, one for each line of ${name}`,
        ),
      );
    own.forEach((row, index) => {
      // Line n of the labels belongs to line n of the rows; blank lines between rows count too.
      rows.push(labelled(row, lines[(row.line ?? index + 1) - 1], labels.name));
    });
  }
  return { rows, problems };
}

function labelled(row: DataRow, label: string | undefined, labels: string): DataRow {
  if (row.doc instanceof FormatError) return row;
  if (label === undefined)
    return { ...row, doc: new FormatError(row.where, `found no label in ${labels}, expected one`) };
  return { ...row, doc: { ...row.doc, label } };
}

/** The text of a file, which may have `.gz` at the end of its name. */
async function readText(folder: FolderSource, path: string, turns: Turns): Promise<{ name: string; text: string }> {
  const source = (await folder.open(path)) ?? (await folder.open(`${path}.gz`));
  if (source === undefined)
    throw new FileError(folder.name, `found neither ${path} nor ${path}.gz in the folder, expected one of them`);
  try {
    const bytes = await unpacked(await readAll(source, LIMIT_BYTES), source.name, LIMIT_BYTES, turns);
    checkLines(bytes, source.name);
    return { name: source.name, text: decodeText(bytes, source.name) };
  } finally {
    await source.close?.();
  }
}

/** Rows take far more memory than their bytes. */
function checkLines(bytes: Uint8Array, name: string): void {
  let lines = 0;
  for (let at = bytes.indexOf(0x0a); at >= 0; at = bytes.indexOf(0x0a, at + 1)) lines++;
  if (lines > LIMIT_LINES) throw new FormatError(name, `found ${lines} lines, expected at most ${LIMIT_LINES}`);
}

async function rowsOf(text: string, name: string, { path, columns }: DataFile, turns: Turns): Promise<DataRow[]> {
  const ending = /\.(\w+)(?:\.gz)?$/.exec(path)?.[1];
  switch (ending) {
    case "jsonl":
      return jsonlRows(text, name, turns);
    case "json":
      return jsonRows(parseJson(text, name), name);
    case "csv":
      return csvRows(text, name, columns);
    case "txt":
      return [...linesOf(text)]
        .filter((line) => line.text !== "")
        .map((line) => ({ where: lineOf(name, line.line), doc: { text: line.text } }));
    default:
      throw new FormatError(name, `found the ending ${ending ?? "of no kind"}, expected .jsonl, .json, .csv or .txt`);
  }
}

async function jsonlRows(text: string, name: string, turns: Turns): Promise<DataRow[]> {
  const rows: DataRow[] = [];
  for (const { line, value } of jsonLines(text, name)) {
    await turns.pause();
    rows.push({ ...objectRow(value, lineOf(name, line)), line });
  }
  return rows;
}

function jsonRows(value: JsonValue, name: string): DataRow[] {
  if (!Array.isArray(value)) throw new FormatError(name, "found no array, expected a JSON array of rows");
  return value.map((row: JsonValue, index) => objectRow(row, `${name}: row ${index + 1}`));
}

function objectRow(value: JsonValue | FormatError, where: string): DataRow {
  if (value instanceof FormatError) return { where, doc: value };
  try {
    return { where, doc: asObject(value, where) };
  } catch (error) {
    if (error instanceof FormatError) return { where, doc: error };
    throw error;
  }
}
