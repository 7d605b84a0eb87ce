/** Turns a task and a folder of data into the requests that are sent to the model. */

import { FormatError, type QuernError, UsageError } from "../../base/errors.ts";
import type { JsonObject } from "../../base/json.ts";
import { Turns } from "../../base/turns.ts";
import type { FolderSource } from "../../files/source.ts";
import type { LikelihoodRequest } from "../scoring/likelihood.ts";
import type { CompiledTask } from "./compile-task.ts";
import { readDataRows } from "./data-file.ts";
import type { Task } from "./task.ts";

/** One row as requests: one for each choice, the right choice, and the place of the row in its file. */
export interface TaskItem {
  /** Row of the split, from 0. */
  readonly docId: number;
  /** One request for each choice; a single one for `loglikelihood`. */
  readonly requests: readonly LikelihoodRequest[];
  /** One string for each choice, whose length normalises its log-likelihood. */
  readonly choices: readonly string[];
  /** Index of the right choice; 0 for `loglikelihood`. */
  readonly target: number;
  /** The row as it is in the file. */
  readonly doc: JsonObject;
  /** `file: line 3` */
  readonly where: string;
}

/** A task with its rows as requests, and an error for every row that could not be used. */
export interface LoadedTask {
  readonly task: Task;
  readonly items: readonly TaskItem[];
  /** Errors about rows that were left out, and about label files of another length. */
  readonly problems: readonly QuernError[];
  /** Rows of the split, whatever the limit. */
  readonly total: number;
}

export interface LoadTaskOptions {
  /** Use only the first rows. A row among them that cannot be used is left out, not replaced. */
  readonly limit?: number;
  /** Number of examples, instead of the task's own: the first rows of its few-shot split, in order. */
  readonly shots?: number;
  readonly signal?: AbortSignal;
}

/** A missing split and an unusable row among the examples throw; an unusable row of the test split becomes a problem. */
export async function loadTask(task: Task, data: FolderSource, options: LoadTaskOptions = {}): Promise<LoadedTask> {
  const limit = count(options.limit, 1, "limit") ?? Number.POSITIVE_INFINITY;
  const shots = count(options.shots, 0, "shots") ?? task.num_fewshot;
  const turns = new Turns(options.signal);
  turns.check();
  // Templates are parsed by a library of their own, which a page should not load before it has a task.
  const { compileTask } = await import("./compile-task.ts");
  const compiled = compileTask(task);
  const examples = await fewshotText(task, compiled, data, shots, turns);
  const { rows, problems: misfits } = await readDataRows(data, task.files[task.test_split] ?? [], turns);
  const items: TaskItem[] = [];
  const problems: QuernError[] = [...misfits];
  for (const [docId, { doc, where }] of rows.slice(0, limit).entries()) {
    await turns.pause();
    try {
      if (doc instanceof FormatError) throw doc;
      const before = compiled.description(doc, where) + examples;
      items.push({ docId, ...compiled.prompt(doc, where, before), doc, where });
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push(error);
    }
  }
  return { task, items, problems, total: rows.length };
}

/** Accuracy of a guess: 1 / choices, and 0 for a continuation, which could be anything. */
export function chanceOf(item: Pick<TaskItem, "choices">): number {
  return item.choices.length > 1 ? 1 / item.choices.length : 0;
}

/** The first `shots` rows as examples, each with the delimiter after it. */
async function fewshotText(
  task: Task,
  compiled: CompiledTask,
  data: FolderSource,
  shots: number,
  turns: Turns,
): Promise<string> {
  if (shots === 0) return "";
  const files = task.fewshot_split === undefined ? undefined : task.files[task.fewshot_split];
  if (files === undefined)
    throw new UsageError(`task ${task.task}`, `${shots} shots`, "none: the task names no few-shot split");
  const { rows, problems } = await readDataRows(data, files, turns);
  for (const problem of problems) throw problem;
  if (rows.length < shots)
    throw new UsageError(
      `task ${task.task}`,
      `${shots} shots`,
      `at most ${rows.length}, the rows of its few-shot split`,
    );
  const examples = rows.slice(0, shots).map(({ doc, where }) => {
    if (doc instanceof FormatError) throw doc;
    return compiled.shot(doc, where) + task.fewshot_delimiter;
  });
  return examples.join("");
}

function count(value: number | undefined, least: number, name: string): number | undefined {
  if (value === undefined || (Number.isSafeInteger(value) && value >= least)) return value;
  throw new UsageError(name, String(value), `a whole number of at least ${least}`);
}
