/** What `quern evaluate` is asked to score: tasks by name and by file, the folder of their data, an earlier run to compare with. */
import { FileError, UsageError } from "../../base/errors.ts";
import type { BaselineComparison } from "../../eval/evaluation/baseline.ts";
import type { TaskResult } from "../../eval/evaluation/evaluate.ts";
import type { BootstrapOptions } from "../../eval/stats/bootstrap.ts";
import type { Task } from "../../eval/tasks/task.ts";
import type { FolderSource } from "../../files/source.ts";
import { withFile } from "./input-file.ts";

export interface AskedOptions {
  /** `--tasks`: names, with commas between them. */
  readonly tasks?: string;
  /** `--task`: JSON files. */
  readonly task?: readonly string[];
}

export interface AskedTasks {
  readonly names: readonly string[];
  readonly own: readonly Task[];
  /** All tasks; groups are replaced by their members. */
  readonly tasks: readonly Task[];
}

export async function readAskedTasks({ tasks: named = "", task: files = [] }: AskedOptions): Promise<AskedTasks> {
  const { findTasks } = await import("../../eval/tasks/registry.ts");
  const own = await readTasks(files);
  const words = named.split(",").map((name) => name.trim());
  const names = [...words.filter((name) => name !== ""), ...own.map(({ task }) => task)];
  if (names.length === 0) throw new UsageError("--tasks", "no tasks", "names of tasks, or files with --task");
  return { names, own, tasks: findTasks(names, own).map(({ task }) => task) };
}

/** @throws FileError for a folder without a file of any task; a missing split is reported with the result. */
export async function requireTaskData(data: FolderSource, tasks: readonly Task[]): Promise<void> {
  const { BUILTIN_TASKS } = await import("../../eval/tasks/registry.ts");
  const paths = new Set(
    [...tasks, ...BUILTIN_TASKS].flatMap(({ files }) => Object.values(files).flat()).map(({ path }) => path),
  );
  for (const path of [...paths].flatMap((plain) => [plain, `${plain}.gz`])) {
    const source = await data.open(path);
    await source?.close?.();
    if (source !== undefined) return;
  }
  const [first] = paths;
  throw new FileError(
    data.name,
    `found no ${first} nor any other file of a task, expected the folder that holds the data sets' files; docs/tasks.md lists them`,
  );
}

async function readTasks(paths: readonly string[]): Promise<readonly Task[]> {
  const { readTask } = await import("../../eval/tasks/parse-task.ts");
  const tasks: Task[] = [];
  for (const path of paths) tasks.push(await withFile(path, readTask));
  return tasks;
}

/** Documents with samples are large. A string of JavaScript can hold no more than this. */
const BASELINE_LIMITS = { maxBytes: 500_000_000, maxDepth: 64 };

export type CompareWithBaseline = (
  tasks: readonly TaskResult[],
  options: BootstrapOptions,
) => Promise<BaselineComparison>;

export async function openBaseline(path: string): Promise<CompareWithBaseline> {
  const { compareWithBaseline, readBaseline } = await import("../../eval/evaluation/baseline.ts");
  const { readJson } = await import("../../files/json-file.ts");
  const samples = readBaseline(await withFile(path, (source) => readJson(source, BASELINE_LIMITS)), path);
  return (tasks, options) => compareWithBaseline(tasks, samples, options);
}
