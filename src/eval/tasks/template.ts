/**
 * Jinja templates over a row. Unlike the library's own `Template`: no white space of the template is dropped, a field that the row
 * has not is an error, and a template of one expression gives its value, so that a list stays a list.
 */

import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { FormatError } from "../../errors.ts";
import { describeJson, type JsonObject, type JsonValue } from "../../format/json.ts";

export interface Template {
  /** The text with the row's values in it. Throws a `FormatError` that begins with `where`. */
  text(scope: Scope, where: string): string;
  /** The value of a template that is one expression; the text of any other. */
  value(scope: Scope, where: string): JsonValue;
}

/** The variables of one row, translated once for all templates. */
export interface Scope {
  readonly environment: Variables;
}

// The package's own types name their modules without an ending, which Node's resolution takes for nothing: what is used of them.
interface Variables {
  set(name: string, value: unknown): void;
}
interface Node {
  readonly type: string;
  readonly value?: unknown;
  readonly object?: Node;
  readonly property?: Node;
}
interface Value {
  readonly type: string;
  readonly value: unknown;
}

/** `label`, `question.choices` */
const FIELD_PATH = /^[A-Za-z_]\w*(?:\.\w+)*$/;

const CONSTANTS: Readonly<Record<string, JsonValue>> = {
  true: true,
  True: true,
  false: false,
  False: false,
  none: null,
  None: null,
};

export function scopeOf(row: JsonObject): Scope {
  const constants: Variables = new Environment();
  for (const [name, value] of Object.entries(CONSTANTS)) constants.set(name, value);
  const environment: Variables = new Environment(constants);
  for (const [name, value] of Object.entries(row)) environment.set(name, value);
  return { environment };
}

/** A template, or the bare name of a field for the field. */
export function compileField(source: string, file: string, field: string): Template {
  return compileTemplate(FIELD_PATH.test(source) ? `{{ ${source} }}` : source, file, field);
}

/** @param field names the template in errors, such as `doc_to_text`. */
export function compileTemplate(source: string, file: string, field: string): Template {
  const body = parsed(source, file, field);
  const evaluate = (scope: Scope, where: string): JsonValue[] => {
    // A child of its own: what a template sets must not reach the next one.
    const environment = new Environment(scope.environment);
    const interpreter = new Interpreter(environment);
    return body.map((node) => {
      const at = `${where}: ${field}`;
      return evaluated(node, at, () => interpreter.evaluate(node, environment));
    });
  };
  const text: Template["text"] = (scope, where) =>
    evaluate(scope, where)
      .map((value) => asText(value, `${where}: ${field}`))
      .join("");
  return {
    text,
    value: (scope, where) => (body.length === 1 ? evaluate(scope, where)[0] : text(scope, where)),
  };
}

/** A string, a number as its digits, a truth value in Python's spelling; anything else is no text. */
export function asText(value: JsonValue, where: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  throw new FormatError(where, `found ${describeJson(value)}, expected text`);
}

function parsed(source: string, file: string, field: string): readonly Node[] {
  // The lexer drops one line end at the end of a template, and more where blocks are trimmed: neither may change a prompt.
  const kept = source.endsWith("\n") ? `${source}\n` : source;
  try {
    return parse(tokenize(kept, { trim_blocks: false, lstrip_blocks: false })).body;
  } catch (cause) {
    throw new FormatError(
      file,
      `field ${field}: found ${describeJson(source)} (${(cause as Error).message}), expected a Jinja template`,
      { cause },
    );
  }
}

function evaluated(node: Node, where: string, evaluate: () => Value): JsonValue {
  let value: Value;
  try {
    value = evaluate();
  } catch (cause) {
    throw new FormatError(where, `found a row that the template cannot take (${(cause as Error).message})`, { cause });
  }
  if (STATEMENTS.has(node.type)) return value.type === "StringValue" ? (value.value as string) : "";
  return plain(value, where, nodeName(node));
}

/** Tags that print what is inside them, or nothing: their value is never missing. */
const STATEMENTS: ReadonlySet<string> = new Set([
  "Set",
  "If",
  "For",
  "Macro",
  "CallStatement",
  "FilterStatement",
  "Comment",
]);

/** The library's value as JSON; what is undefined or null is a field that the row has not. */
function plain({ type, value }: Value, where: string, name: string): JsonValue {
  if (type === "UndefinedValue" || type === "NullValue")
    throw new FormatError(where, `found ${type === "NullValue" ? "null" : "nothing"} in ${name}, expected a value`);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((each: Value, index) => plain(each, where, `${name}[${index}]`));
  if (!(value instanceof Map)) throw new FormatError(where, `found a function in ${name}, expected a value`);
  const entries = [...(value as Map<string, Value>)];
  return Object.fromEntries(entries.map(([key, each]) => [key, plain(each, where, `${name}.${key}`)]));
}

/** `question.stem` of the expression, where it is a plain path. */
function nodeName({ type, value, object, property }: Node): string {
  if (type === "Identifier" || type === "IntegerLiteral") return String(value);
  if (type === "MemberExpression" && object !== undefined && property !== undefined)
    return `${nodeName(object)}.${nodeName(property)}`;
  return "an expression";
}
