/**
 * Jinja templates over a row. They differ from the library's own `Template`: white space of the template is kept, a field that the
 * row does not have is an error, and a template that is a single expression gives its value, so that a list stays a list.
 */

import { Environment, Interpreter, parse, tokenize } from "@huggingface/jinja";
import { FormatError } from "../../base/errors.ts";
import { describeJson, type JsonObject, type JsonValue } from "../../base/json.ts";

export interface Template {
  /** The text of the template with the row's values. Throws a `FormatError` that begins with `where`. */
  text(scope: Scope, where: string): string;
  /** The value of a template that is one expression; the text of any other. */
  value(scope: Scope, where: string): JsonValue;
}

/** The variables of one row, translated once for all templates. */
export interface Scope {
  readonly environment: Variables;
}

// The parts of the package that are used, with types: its own types name modules without an ending, which Node does not resolve.
interface Variables {
  set(name: string, value: unknown): void;
}
interface Node {
  readonly type: string;
  readonly value?: unknown;
  readonly object?: Node;
  readonly property?: Node;
  readonly body?: readonly Node[];
  readonly alternate?: readonly Node[];
  readonly defaultBlock?: readonly Node[];
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
  const constants = new Environment() as Environment & Variables;
  for (const [name, value] of Object.entries(CONSTANTS)) constants.set(name, value);
  constants.set(SHOWN, shown);
  const environment: Variables = new Environment(constants);
  for (const [name, value] of Object.entries(row)) environment.set(name, value);
  return { environment };
}

/** Compiles a template; a bare name stands for the field of that name. */
export function compileField(source: string, file: string, field: string): Template {
  return compileTemplate(FIELD_PATH.test(source) ? `{{ ${source} }}` : source, file, field);
}

/** @param field names the template in errors, such as `doc_to_text`. */
export function compileTemplate(source: string, file: string, field: string): Template {
  const body = parsed(source, file, field);
  const evaluate = (scope: Scope, where: string): JsonValue[] => {
    // Each run gets its own child: variables that a template sets must not reach the next one.
    const environment = new Environment(scope.environment as Environment & Variables);
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

/** A string as it is, a number as digits, a truth value in Python's spelling. @throws FormatError for anything else. */
export function asText(value: JsonValue, where: string): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return String(value);
  if (typeof value === "boolean") return value ? "True" : "False";
  throw new FormatError(where, `found ${describeJson(value)}, expected text`);
}

function parsed(source: string, file: string, field: string): readonly Node[] {
  // The lexer drops one line end at the end of a template, and more if blocks are trimmed. Neither may change a prompt.
  const kept = source.endsWith("\n") ? `${source}\n` : source;
  try {
    const { body }: { body: readonly Node[] } = parse(tokenize(kept, { trim_blocks: false, lstrip_blocks: false }));
    return body.map((node) => (STATEMENTS.has(node.type) ? guarded(node) : node));
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
  const printsNothing = value.type === "UndefinedValue" || value.type === "NullValue";
  if (printsNothing && STATEMENTS.has(node.type)) return "";
  return plain(value, where, nodeName(node));
}

/** Tags, and `a if b` without an `else`: they may print nothing, and their value never counts as missing. */
const STATEMENTS: ReadonlySet<string> = new Set(
  "SelectExpression Set If For Break Continue Macro CallStatement FilterStatement Comment".split(" "),
);

/** Templates cannot call it, since the name is not an identifier. */
const SHOWN = "shown value";

/** The library prints nothing for a missing field inside tags. A call around each expression refuses missing fields there too. */
function guarded(node: Node): Node {
  if (node.type === "SelectExpression") return node;
  const inside = (nodes: readonly Node[] | undefined) =>
    nodes?.map((each) => {
      if (STATEMENTS.has(each.type)) return guarded(each);
      const name = { type: "StringLiteral", value: nodeName(each) };
      return { type: "CallExpression", callee: { type: "Identifier", value: SHOWN }, args: [each, name] };
    });
  const { body, alternate, defaultBlock } = node;
  return { ...node, body: inside(body), alternate: inside(alternate), defaultBlock: inside(defaultBlock) };
}

function shown(value: unknown, name: string): unknown {
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  throw new TypeError(`${value === undefined || value === null ? "nothing" : "no text"} in ${name}`);
}

/** The library's value as JSON; undefined or null means that the row lacks the field. */
function plain({ type, value }: Value, where: string, name: string): JsonValue {
  if (type === "UndefinedValue" || type === "NullValue")
    throw new FormatError(where, `found ${type === "NullValue" ? "null" : "nothing"} in ${name}, expected a value`);
  if (typeof value === "string" || typeof value === "number" || typeof value === "boolean") return value;
  if (Array.isArray(value)) return value.map((each: Value, index) => plain(each, where, `${name}[${index}]`));
  if (!(value instanceof Map)) throw new FormatError(where, `found a function in ${name}, expected a value`);
  const entries = [...(value as Map<string, Value>)];
  return Object.fromEntries(entries.map(([key, each]) => [key, plain(each, where, `${name}.${key}`)]));
}

/** The expression as text, such as `question.stem`, if it is a plain path. */
function nodeName({ type, value, object, property }: Node): string {
  if (type === "Identifier" || type === "IntegerLiteral") return String(value);
  if (type === "MemberExpression" && object !== undefined && property !== undefined)
    return `${nodeName(object)}.${nodeName(property)}`;
  return "an expression";
}
