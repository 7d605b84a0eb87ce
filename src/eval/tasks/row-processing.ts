/** Steps that prepare a row in code, for data sets whose usual preparation is more than a template. A task's field `process` names one. */

import { FormatError } from "../../base/errors.ts";
import { describeJson, type JsonObject } from "../../base/json.ts";
import { capitalize, dropLast, lowerFirst, PYTHON_SPACE, strip, stripEnd } from "../../text/parts/python-text.ts";

type Process = (row: JsonObject, where: string) => JsonObject;

export type ProcessName = "copa" | "hellaswag" | "mmlu" | "winogrande";

/** Each returns the row with fields added or changed, or throws a `FormatError` for a row that it cannot use. */
export const PROCESSES: Readonly<Record<ProcessName, Process>> = { copa, hellaswag, mmlu, winogrande };

const CONNECTORS: ReadonlyMap<unknown, string> = new Map([
  ["cause", "because"],
  ["effect", "therefore"],
]);

/** Adds `query` and `choices`. The choices begin with a space and the delimiter adds another, as in lm-evaluation-harness. */
function copa(row: JsonObject, where: string): JsonObject {
  const connector = CONNECTORS.get(row["question"]);
  if (connector === undefined) throw wrongField(row, "question", "cause or effect", where);
  return {
    ...row,
    query: `${dropLast(strip(textField(row, "premise", where)))} ${connector}`,
    choices: ["choice1", "choice2"].map((name) => ` ${lowerFirst(textField(row, name, where))}`),
  };
}

/** Adds `query` and `choices`, cleaned. The original release has the context in two parts, text extractions have it as one. */
function hellaswag(row: JsonObject, where: string): JsonObject {
  const endings = row["endings"];
  if (!Array.isArray(endings) || endings.some((ending) => typeof ending !== "string"))
    throw wrongField(row, "endings", "a list of texts", where);
  const original = typeof row["ctx_a"] === "string" && typeof row["ctx_b"] === "string";
  const [before, after] = original
    ? [textField(row, "ctx_a", where), textField(row, "ctx_b", where)]
    : splitContext(textField(row, "ctx", where));
  const activity = textField(row, "activity_label", where);
  return { ...row, query: cleaned(`${activity}: ${before} ${capitalize(after)}`), choices: endings.map(cleaned) };
}

/** Removes what WikiHow's markup leaves behind. */
function cleaned(text: string): string {
  return strip(text)
    .replaceAll(" [title]", ". ")
    .replace(/\[[^\n]*?\]/g, "")
    .replaceAll("  ", " ");
}

const SENTENCE_END: RegExp = new RegExp(`[.!?]["')\\]]*[${PYTHON_SPACE}]+(?=[^${PYTHON_SPACE}])`, "g");
const ENDS_SENTENCE = /[.!?]["')\]]*$/;

/** Splits a joined context again: text after its last sentence that begins in lower case was the second part. */
function splitContext(context: string): readonly [string, string] {
  const last = [...context.matchAll(SENTENCE_END)].at(-1);
  if (last === undefined || ENDS_SENTENCE.test(context)) return [context, ""];
  const start = last.index + last[0].length;
  const after = context.slice(start);
  return /^\p{Lowercase}/u.test(after) ? [stripEnd(context.slice(0, start)), after] : [context, ""];
}

function mmlu(row: JsonObject, where: string): JsonObject {
  return { ...row, question: strip(textField(row, "question", where)) };
}

/** Adds `before` and `after`, the parts of the sentence on both sides of its blank. */
function winogrande(row: JsonObject, where: string): JsonObject {
  const sentence = textField(row, "sentence", where);
  const blank = sentence.indexOf("_");
  if (blank < 0) throw wrongField(row, "sentence", "a sentence with the blank _", where);
  return { ...row, before: sentence.slice(0, blank), after: strip(sentence.slice(blank + 1)) };
}

function textField(row: JsonObject, name: string, where: string): string {
  const value = row[name];
  if (typeof value !== "string") throw wrongField(row, name, "text", where);
  return value;
}

function wrongField(row: JsonObject, name: string, expected: string, where: string): FormatError {
  return new FormatError(where, `found ${describeJson(row[name])} in ${name}, expected ${expected}`);
}
