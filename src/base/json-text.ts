/** Writes JSON with two spaces a level, as other tools do. Whole numbers that were spelled as floats stay floats. */
import type { JsonObject } from "./json.ts";
import { isMarkedFloat, markFloat } from "./json-floats.ts";

/** A copy of a parsed object with other values for some fields; undefined removes a field. */
export function withFields(json: JsonObject, changes: Readonly<Record<string, unknown>>): JsonObject {
  const copy = { ...json, ...changes } as JsonObject;
  for (const key of Object.keys(json)) if (!(key in changes) && isMarkedFloat(json, key)) markFloat(copy, key);
  return copy;
}

/** The text of a document, with a newline at its end. Fields that are undefined are left out. */
export function jsonText(value: unknown): string {
  return `${textOf(value, "\n")}\n`;
}

/** @param line a newline and the indentation of the line on which the value begins. */
function textOf(value: unknown, line: string): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const inner = `${line}  `;
  const child = (key: string, item: unknown) =>
    typeof item === "number" && isMarkedFloat(value, key) ? floatText(item) : textOf(item, inner);
  if (Array.isArray(value)) {
    const items = value.map((item, at) => inner + child(String(at), item));
    return items.length === 0 ? "[]" : `[${items.join(",")}${line}]`;
  }
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  const fields = entries.map(([key, item]) => `${inner}${JSON.stringify(key)}: ${child(key, item)}`);
  return fields.length === 0 ? "{}" : `{${fields.join(",")}${line}}`;
}

function floatText(value: number): string {
  const text = JSON.stringify(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}
