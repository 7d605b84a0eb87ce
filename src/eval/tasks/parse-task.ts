/** Reads a task from JSON: every field is checked before any data is read. */

import * as v from "valibot";
import { FormatError } from "../../base/errors.ts";
import { asObject, describeJson, isObject, type JsonValue } from "../../base/json.ts";
import { type PathItem, schemaError } from "../../base/schema-error.ts";
import { readJson } from "../../files/json-file.ts";
import type { ByteSource } from "../../files/source.ts";
import { PROCESSES, type ProcessName } from "./row-processing.ts";
import { defineTask, type Metric, type OutputType, type Task, type TaskDocument } from "./task.ts";

const METRICS: readonly Metric[] = ["acc", "acc_norm", "acc_bytes", "perplexity"];
const OUTPUT_TYPES: readonly OutputType[] = ["multiple_choice", "loglikelihood"];
const PROCESS_NAMES: readonly ProcessName[] = Object.keys(PROCESSES) as ProcessName[];

/** Reads a task from a JSON file, and compiles its templates to find errors there. @throws FormatError naming the field that is wrong. */
export async function readTask(source: ByteSource): Promise<Task> {
  const task = parseTask(await readJson(source), source.name);
  const { compileTask } = await import("./compile-task.ts");
  compileTask(task, source.name);
  return task;
}

/** Checks every field; templates are compiled by `readTask` and `loadTask`. @param file names the document in errors. @throws FormatError. */
export function parseTask(json: JsonValue, file: string): Task {
  const result = v.safeParse(TASK, asObject(json, file));
  if (!result.success) throw schemaError(result.issues, { where: file, fieldsAt });
  const task = defineTask(result.output);
  checkFields(task, file);
  return task;
}

// Schemas: each message is what was expected.

const text = v.string("text");
const word = v.pipe(text, v.regex(/^[\w.-]+$/, "a name of letters, digits, _, - and ."));
const wholeNumber = "a whole number of at least 0";
const count = v.pipe(v.number(wholeNumber), v.integer(wholeNumber), v.minValue(0, wholeNumber));
const oneOf = <const Names extends readonly string[]>(names: Names) => v.picklist(names, `one of ${names.join(", ")}`);
const list = <Item extends v.GenericSchema>(item: Item, expected: string) =>
  v.pipe(v.array(item, expected), v.nonEmpty(expected));
/** The schema is chosen by the value, instead of trying both: an error then names the one field that is wrong. */
const oneOrMore = <Item extends v.GenericSchema>(item: Item, expected: string) =>
  v.lazy((input) => (Array.isArray(input) ? list(item, expected) : item)) as v.GenericSchema<
    unknown,
    v.InferOutput<Item> | v.InferOutput<Item>[]
  >;

const DATA_FILE = v.strictObject(
  { path: text, columns: v.optional(list(text, "a list of names")), labels: v.optional(text) },
  "a path, or an object with the field path",
);
const dataFile = v.lazy((input) => (typeof input === "string" ? text : DATA_FILE)) as v.GenericSchema<
  unknown,
  string | v.InferOutput<typeof DATA_FILE>
>;

const TASK_FIELDS = {
  task: word,
  version: v.optional(v.number("a number")),
  tag: v.optional(v.union([word, v.array(word)], "a name or a list of names")),
  description: v.optional(text),
  files: v.pipe(
    v.custom<object>((input) => isObject(input as JsonValue), "an object of splits"),
    v.record(text, oneOrMore(dataFile, "a file or a list of files")),
  ),
  test_split: v.optional(text),
  fewshot_split: v.optional(text),
  num_fewshot: v.optional(count),
  output_type: v.optional(oneOf(OUTPUT_TYPES)),
  process: v.optional(oneOf(PROCESS_NAMES)),
  doc_to_text: text,
  doc_to_choice: v.optional(oneOrMore(text, "a template or a list of templates")),
  doc_to_target: v.lazy((input) => (typeof input === "number" ? count : v.string("a template or an index"))),
  target_labels: v.optional(oneOrMore(text, "a template or a list of words")),
  doc_to_continuation: v.optional(text),
  target_delimiter: v.optional(text),
  fewshot_delimiter: v.optional(text),
  metric_list: v.optional(list(oneOf(METRICS), `a list of ${METRICS.join(", ")}`)),
  primary: v.optional(oneOf(METRICS)),
};
const TASK: v.GenericSchema<unknown, TaskDocument> = v.strictObject(TASK_FIELDS);

/** Fields of the task, or of a data file in it. */
function fieldsAt(path: readonly PathItem[]): readonly string[] {
  return Object.keys(path.length === 1 ? TASK_FIELDS : DATA_FILE.entries);
}

/** Checks fields that depend on each other. */
function checkFields(task: Task, file: string): void {
  const isChoice = task.output_type === "multiple_choice";
  const expect = (holds: boolean, field: keyof Task, expected: string): void => {
    if (!holds)
      throw new FormatError(
        file,
        `field ${field}: found ${describeJson(task[field] as JsonValue)}, expected ${expected}`,
      );
  };
  const splits = Object.keys(task.files);
  const hasSplit = (split: string | undefined) => split === undefined || splits.includes(split);
  expect(hasSplit(task.test_split), "test_split", `a split in files (${splits.join(", ")})`);
  expect(hasSplit(task.fewshot_split), "fewshot_split", `a split in files (${splits.join(", ")})`);
  expect(task.fewshot_split !== task.test_split, "fewshot_split", "another split than test_split");
  expect(task.num_fewshot === 0 || task.fewshot_split !== undefined, "num_fewshot", "0 without a few-shot split");
  expect(
    (task.doc_to_choice !== undefined) === isChoice,
    "doc_to_choice",
    isChoice ? "the choices" : "none for loglikelihood",
  );
  const fixed = typeof task.doc_to_choice === "object" ? task.doc_to_choice.length : 2;
  expect(fixed >= 2, "doc_to_choice", "at least 2 templates, or one template whose value is a list");
  for (const field of ["target_labels", "doc_to_continuation"] as const)
    expect(isChoice || task[field] === undefined, field, "none for loglikelihood");
  expect(isChoice || typeof task.doc_to_target === "string", "doc_to_target", "a template of the continuation");
  const isNormalised = isChoice && task.doc_to_continuation === undefined;
  const allowed = METRICS.filter((metric) =>
    metric === "acc" ? true : metric === "perplexity" ? !isChoice : isNormalised,
  );
  const stranger = task.metric_list.find((metric) => !allowed.includes(metric));
  expect(stranger === undefined, "metric_list", `only ${allowed.join(", ")} for such a task`);
  expect(task.metric_list.includes(task.primary), "primary", `one of metric_list (${task.metric_list.join(", ")})`);
}
