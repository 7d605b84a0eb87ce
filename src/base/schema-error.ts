/** What is wrong in a document, as a schema's issues say it: one sentence, the same for every kind of document. */
import { FormatError } from "./errors.ts";
import { describeJson, type JsonValue } from "./json.ts";
import { nearestWord } from "./nearest-word.ts";

/** What is used of an issue of a schema library (valibot). */
export interface SchemaIssue {
  readonly type: string;
  /** `never` where a strict object found a field that its schema lacks. */
  readonly expected: string | null;
  /** Undefined where nothing was found. */
  readonly input: unknown;
  /** What was expected. */
  readonly message: string;
  readonly path?: readonly PathItem[];
}

export interface PathItem {
  readonly key: unknown;
  /** The object or list that `key` was looked up in. */
  readonly input: unknown;
}

export interface SchemaDocument {
  /** The document, and the line in it where there are several. */
  readonly where: string;
  /** Fields that lead to what the schema was applied to, where that is not the whole document. */
  readonly within?: readonly string[];
  /** Fields that the object at a path may have, for those schemas that refuse others. */
  readonly fieldsAt?: (path: readonly PathItem[]) => readonly string[];
}

/** A misspelt word is compared up to here. */
const LONGEST_WORD = 40;

/**
 * The error for the first issue. A field that nobody knows comes before one that is missing: most likely the one is the other,
 * misspelt.
 */
export function schemaError(issues: readonly SchemaIssue[], document: SchemaDocument): FormatError {
  const issue = issues.find(isUnknownField) ?? issues[0];
  const path = issue.path ?? [];
  const keys = [...(document.within ?? []), ...path.map(({ key }) => String(key))];
  const field = keys.length === 0 ? "" : `field ${keys.join(".")}: `;
  return new FormatError(document.where, `${field}${problemOf(issue, path, document)}`);
}

function problemOf(issue: SchemaIssue, path: readonly PathItem[], { fieldsAt }: SchemaDocument): string {
  if (isUnknownField(issue) && fieldsAt !== undefined) {
    const known = fieldsAt(path);
    const meant = nearestWord(String(path.at(-1)?.key).slice(0, LONGEST_WORD), known);
    return `found no such field, expected ${meant} or another of ${known.join(", ")}`;
  }
  if (issue.input === undefined) return "found nothing, expected it to be there";
  return `found ${describeJson(issue.input as JsonValue)}, expected ${issue.message}`;
}

function isUnknownField({ type, expected }: SchemaIssue): boolean {
  return type === "strict_object" && expected === "never";
}
