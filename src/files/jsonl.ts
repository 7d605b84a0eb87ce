/** JSON Lines: one value a line. A bad line stands in its place as an error, the others stay readable. */

import { FormatError } from "../base/errors.ts";
import { JSON_LIMITS, type JsonValue, parseJson } from "../base/json.ts";
import { linesOf } from "./lines.ts";

export interface JsonLine {
  readonly line: number;
  readonly value: JsonValue | FormatError;
}

/** Lines that are empty or white space are passed over. */
export function* jsonLines(text: string, where: string): Generator<JsonLine> {
  for (const { line, text: json } of linesOf(text)) {
    if (json.trim() === "") continue;
    yield { line, value: parsed(json, where, line) };
  }
}

function parsed(json: string, where: string, line: number): JsonValue | FormatError {
  try {
    return parseJson(json, where, JSON_LIMITS, line);
  } catch (error) {
    if (error instanceof FormatError) return error;
    throw error;
  }
}
