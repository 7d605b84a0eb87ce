/** JSON Lines: one value on each line. A line that cannot be parsed gives an error in its place; the others stay readable. */

import { FormatError } from "../base/errors.ts";
import { JSON_LIMITS, type JsonValue, parseJson } from "../base/json.ts";
import { linesOf } from "./lines.ts";

export interface JsonLine {
  readonly line: number;
  readonly value: JsonValue | FormatError;
}

/** Skips lines that are empty or white space. */
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
