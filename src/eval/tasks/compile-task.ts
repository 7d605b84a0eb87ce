/** Turns a row into contexts and continuations, strings for normalising, and the right choice. */

import { FormatError } from "../../base/errors.ts";
import { describeJson, type JsonObject, type JsonValue } from "../../base/json.ts";
import { strip } from "../../text/parts/python-text.ts";
import type { LikelihoodRequest } from "../scoring/likelihood.ts";
import { PROCESSES } from "./row-processing.ts";
import type { Task } from "./task.ts";
import { asText, compileField, compileTemplate, type Scope, scopeOf, type Template } from "./template.ts";

export interface TaskPrompt {
  readonly requests: readonly LikelihoodRequest[];
  readonly choices: readonly string[];
  readonly target: number;
}

export interface CompiledTask {
  /** Throws a `FormatError` for a row that the task cannot use. `before` is put before each context. */
  prompt(row: JsonObject, where: string, before?: string): TaskPrompt;
  /** The row as an example for other rows: its context and the right continuation. */
  shot(row: JsonObject, where: string): string;
  description(row: JsonObject, where: string): string;
}

/** @param file names the task in errors about its templates. */
export function compileTask(task: Task, file: string = `task ${task.task}`): CompiledTask {
  const description = compileTemplate(task.description, file, "description");
  const read = task.output_type === "loglikelihood" ? compileText(task, file) : compileChoices(task, file);
  const prepared = (row: JsonObject, where: string) =>
    scopeOf(task.process === undefined ? row : PROCESSES[task.process](row, where));
  return {
    prompt: (row, where, before = "") => read(prepared(row, where), where, before),
    shot(row, where) {
      const { requests, target } = read(prepared(row, where), where, "");
      return requests[target].context + requests[target].continuation;
    },
    description: (row, where) => description.text(scopeOf(row), where),
  };
}

type Read = (scope: Scope, where: string, before: string) => TaskPrompt;

/** For `loglikelihood`: a context and its one continuation. */
function compileText(task: Task, file: string): Read {
  const context = compileField(task.doc_to_text, file, "doc_to_text");
  const target = compileField(String(task.doc_to_target), file, "doc_to_target");
  return (scope, where, before) => {
    const choice = notEmpty(target.text(scope, where), where, "doc_to_target");
    const request = { context: before + context.text(scope, where), continuation: task.target_delimiter + choice };
    return { requests: [request], choices: [choice], target: 0 };
  };
}

/** For choices: each is the continuation, or with `doc_to_continuation` the end of the context. */
function compileChoices(task: Task, file: string): Read {
  const context = compileField(task.doc_to_text, file, "doc_to_text");
  const list = compileList(task.doc_to_choice ?? [], file, "doc_to_choice");
  const right = compileTarget(task, file);
  const shared =
    task.doc_to_continuation === undefined
      ? undefined
      : compileField(task.doc_to_continuation, file, "doc_to_continuation");
  return (scope, where, before) => {
    const choices = list(scope, where);
    if (choices.length < 2)
      throw new FormatError(where, `found ${choices.length} choices in doc_to_choice, expected at least 2`);
    for (const choice of choices) notEmpty(choice, where, "doc_to_choice");
    const head = before + context.text(scope, where);
    const tail = shared && notEmpty(shared.text(scope, where), where, "doc_to_continuation");
    const requests = choices.map((choice) =>
      tail === undefined
        ? { context: head, continuation: task.target_delimiter + choice }
        : { context: head + choice, continuation: task.target_delimiter + tail },
    );
    return { requests, choices, target: right(scope, where, choices) };
  };
}

type List = (scope: Scope, where: string) => readonly string[];

/** A list of templates, or one template whose value is a list. */
function compileList(source: string | readonly string[], file: string, field: string): List {
  if (typeof source !== "string") {
    const templates = source.map((each, index) => compileTemplate(each, file, `${field}[${index}]`));
    return (scope, where) => templates.map((template) => template.text(scope, where));
  }
  const template = compileField(source, file, field);
  return (scope, where) => {
    const value = template.value(scope, where);
    if (!Array.isArray(value))
      throw new FormatError(where, `found ${describeJson(value)} in ${field}, expected a list of texts`);
    return value.map((each: JsonValue, index) => asText(each, `${where}: ${field}[${index}]`));
  };
}

/** The index of the right choice, which may be given as an index, digits, an answer word, or the choice itself. */
function compileTarget(task: Task, file: string): (scope: Scope, where: string, choices: readonly string[]) => number {
  const labels = task.target_labels === undefined ? undefined : compileList(task.target_labels, file, "target_labels");
  const template: Pick<Template, "value"> =
    typeof task.doc_to_target === "number"
      ? { value: () => task.doc_to_target }
      : compileField(task.doc_to_target, file, "doc_to_target");
  return (scope, where, choices) => {
    const value = template.value(scope, where);
    const words = labels?.(scope, where);
    if (words !== undefined && words.length !== choices.length)
      throw new FormatError(where, `found ${words.length} target_labels, expected ${choices.length}, one a choice`);
    const index = words === undefined ? indexOf(value, choices) : words.indexOf(strip(asText(value, where)));
    if (Number.isInteger(index) && index >= 0 && index < choices.length) return index;
    const expected =
      words === undefined ? `an index below ${choices.length} or a choice` : `one of ${words.join(", ")}`;
    throw new FormatError(where, `found ${describeJson(value)} for doc_to_target, expected ${expected}`);
  };
}

/** Digits are an index, even if a choice consists of the same digits, as in lm-evaluation-harness. */
function indexOf(value: JsonValue, choices: readonly string[]): number {
  if (typeof value === "number") return value;
  if (typeof value !== "string") return -1;
  return /^\d+$/.test(strip(value)) ? Number(value) : choices.indexOf(value);
}

function notEmpty(text: string, where: string, field: string): string {
  if (text !== "") return text;
  throw new FormatError(where, `found an empty text from ${field}, expected at least one character`);
}
