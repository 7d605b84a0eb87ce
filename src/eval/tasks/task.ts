/** A task as data: its rows, the text that they become, the right answers. Fields are named as in lm-evaluation-harness. */

import type { ProcessName } from "./row-processing.ts";

/** What a task is measured by. docs/tasks.md says how each metric is computed. */
export type Metric = "acc" | "acc_norm" | "acc_bytes" | "perplexity";
export type OutputType = "multiple_choice" | "loglikelihood";

export interface DataFile {
  /** Path in the data folder. Its ending says the form: `.jsonl`, `.json` (an array), `.csv`, `.txt` (each line a `text`); `.gz` may follow. */
  readonly path: string;
  /** Names of the columns of a CSV file without a header. */
  readonly columns?: readonly string[];
  /** A second file whose line n becomes the field `label` of row n. */
  readonly labels?: string;
}

type OneOrMore<T> = T | readonly T[];

/** A task as its author writes it. Templates are Jinja over the fields of a row; the bare name of a field stands for the field. */
export interface TaskDocument {
  readonly task: string;
  readonly version?: number;
  /** Names under which the task can be asked for together with others. */
  readonly tag?: OneOrMore<string>;
  /** Template of the text before everything else. */
  readonly description?: string;
  /** Splits by name. */
  readonly files: Readonly<Record<string, OneOrMore<string | DataFile>>>;
  readonly test_split?: string;
  readonly fewshot_split?: string;
  readonly num_fewshot?: number;
  readonly output_type?: OutputType;
  /** A step in code that runs before the templates. */
  readonly process?: ProcessName;
  /** Template of the context. */
  readonly doc_to_text: string;
  /** A template for each choice, or one template or field whose value is a list of them. */
  readonly doc_to_choice?: OneOrMore<string>;
  /** The right answer: an index, or a template or field that gives an index, an answer word or a choice; for `loglikelihood` the continuation. */
  readonly doc_to_target: string | number;
  /** The answer words, one for each choice: a list, or a template or field whose value is a list. Default: the choices. */
  readonly target_labels?: OneOrMore<string>;
  /** Partial scoring: the choices end the context, and this template is the one continuation that is scored after each. */
  readonly doc_to_continuation?: string;
  /** Text between context and continuation, which counts as part of the continuation. */
  readonly target_delimiter?: string;
  readonly fewshot_delimiter?: string;
  readonly metric_list?: readonly Metric[];
  /** The metric that is reported if there is room for only one. */
  readonly primary?: Metric;
}

/** A document with its defaults filled in. It is a valid document itself. */
export interface Task extends TaskDocument {
  readonly version: number;
  readonly tag: readonly string[];
  readonly description: string;
  readonly files: Readonly<Record<string, readonly DataFile[]>>;
  readonly test_split: string;
  readonly num_fewshot: number;
  readonly output_type: OutputType;
  readonly target_delimiter: string;
  readonly fewshot_delimiter: string;
  readonly metric_list: readonly Metric[];
  readonly primary: Metric;
}

/** Fills in the defaults of a task. */
export function defineTask(document: TaskDocument): Task {
  const output_type = document.output_type ?? "multiple_choice";
  const metric_list: readonly Metric[] =
    document.metric_list ?? (output_type === "multiple_choice" ? ["acc"] : ["acc", "perplexity"]);
  const files = Object.entries(document.files).map(([split, entries]) => [split, listOf(entries).map(dataFile)]);
  return {
    ...document,
    version: document.version ?? 1,
    tag: listOf(document.tag ?? []),
    description: document.description ?? "",
    files: Object.fromEntries(files),
    test_split: document.test_split ?? "test",
    ...fewshotSplit(document),
    num_fewshot: document.num_fewshot ?? 0,
    output_type,
    target_delimiter: document.target_delimiter ?? " ",
    fewshot_delimiter: document.fewshot_delimiter ?? "\n\n",
    metric_list,
    primary: document.primary ?? metric_list[0],
  };
}

function fewshotSplit({ fewshot_split, files }: TaskDocument): Pick<TaskDocument, "fewshot_split"> {
  if (fewshot_split !== undefined) return { fewshot_split };
  return Object.hasOwn(files, "fewshot") ? { fewshot_split: "fewshot" } : {};
}

function dataFile(entry: string | DataFile): DataFile {
  return typeof entry === "string" ? { path: entry } : entry;
}

function listOf<T>(value: OneOrMore<T>): readonly T[] {
  return Array.isArray(value) ? value : [value as T];
}
