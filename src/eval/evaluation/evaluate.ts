/** Evaluates a model on tasks: loads the rows, asks the model, scores the answers. */
import { QuernError, UsageError } from "../../base/errors.ts";
import { checkKnownOptions, type KnownOptions } from "../../base/known-options.ts";
import type { FolderSource } from "../../files/source.ts";
import { Model, type Progress } from "../../model/model.ts";
import type { LikelihoodModel } from "../scoring/likelihood.ts";
import { ModelLikelihood } from "../scoring/model-likelihood.ts";
import { chanceOf, type LoadedTask, loadTask } from "../tasks/load-task.ts";
import { type FoundTask, findTasks } from "../tasks/registry.ts";
import type { Metric, Task } from "../tasks/task.ts";
import { askTask } from "./ask-task.ts";
import type { Sample } from "./item-sample.ts";
import { groupScore, type Score, scoreOf } from "./scores.ts";

/** The tasks' files, how many rows and shots, the context in tokens, the batch size, additional tasks, and samples of an interrupted run. */
export interface EvaluateOptions {
  /** The folder with the files of the tasks' original releases. */
  readonly data: FolderSource;
  /** Only the first N rows of each task. */
  readonly limit?: number;
  /** Examples before each question. Default: the number that the task sets. */
  readonly shots?: number;
  /** Most tokens of one request, if the model is a `Model`; longer requests lose their beginning. Default: the model's context. */
  readonly context?: number;
  /** Items asked together. Results do not depend on it. Default 32. */
  readonly batchSize?: number;
  /** Additional tasks, which are found by name like the built-in ones. */
  readonly own?: readonly Task[];
  /** Samples of an interrupted run, by task. Their items are not asked again. */
  readonly known?: ReadonlyMap<string, readonly Sample[]>;
  /** Called with the samples of each batch, and awaited. A later run can take them as `known`. */
  readonly onSamples?: (task: string, samples: readonly Sample[]) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/** A task's scores, every item's answers, the number of rows in its file, and the level of chance. */
export interface TaskResult {
  readonly task: Task;
  readonly scores: readonly Score[];
  /** In the order of their rows. */
  readonly samples: readonly Sample[];
  readonly shots: number;
  /** Number of rows in the split, regardless of the limit. */
  readonly total: number;
  /** Accuracy of blind guessing; 0 for tasks without choices. */
  readonly chance: number;
}

/** A group's scores: means of its tasks' scores, weighted by their numbers of items. */
export interface GroupResult {
  readonly name: string;
  readonly tasks: readonly string[];
  readonly scores: readonly Score[];
  readonly items: number;
  readonly chance: number;
}

/** Scores of tasks and groups, and a typed error for every row or task that could not be scored. */
export interface Evaluation {
  readonly tasks: readonly TaskResult[];
  readonly groups: readonly GroupResult[];
  /** An error for each row or task that could not be scored. Everything else was scored. */
  readonly problems: readonly QuernError[];
}

const DEFAULT_BATCH_SIZE = 32;

const OPTIONS: KnownOptions<EvaluateOptions> = {
  ...{ data: true, limit: true, shots: true, context: true, batchSize: true, own: true, known: true },
  ...{ onSamples: true, signal: true, onProgress: true },
};

/**
 * Scores tasks by name; `mmlu` stands for all its subjects. Bad rows and tasks whose files are missing become problems.
 * @throws UsageError for an unknown task or an option out of range.
 */
export async function evaluate(
  model: LikelihoodModel | Model,
  names: readonly string[],
  options: EvaluateOptions,
): Promise<Evaluation> {
  checkKnownOptions<EvaluateOptions>("evaluate", options, OPTIONS);
  if (model instanceof Model) {
    using likelihood = new ModelLikelihood(model, { context: options.context });
    return await evaluate(likelihood, names, options);
  }
  const { batchSize = DEFAULT_BATCH_SIZE, onSamples, signal } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UsageError("batch size", String(batchSize), "an integer from 1");
  const found = findTasks(names, options.own);
  const problems: QuernError[] = [];
  const asked = found.map(({ task }) => task);
  const loaded = await loadAll(asked, options, problems);
  const total = loaded.reduce((sum, { items }) => sum + items.length, 0);
  let done = 0;
  const report = (items: number, detail: string) => {
    done += items;
    options.onProgress?.({ phase: "evaluate", done, total, unit: "items", detail });
  };
  const tasks: TaskResult[] = [];
  for (const one of loaded) {
    const samples = await askTask(model, one, {
      ...{ batchSize, onSamples, signal },
      known: options.known?.get(one.task.task) ?? [],
      onDone: (items) => report(items, one.task.task),
      onProblem: (problem) => problems.push(problem),
    });
    if (samples.length > 0) tasks.push(taskResult(one, samples, options));
  }
  return { tasks, groups: groupResults(found, tasks), problems };
}

function groupResults(found: readonly FoundTask[], tasks: readonly TaskResult[]): readonly GroupResult[] {
  return [...new Set(found.flatMap((one) => one.groups))].flatMap((name) => {
    const members = found.filter((one) => one.groups.includes(name)).map(({ task }) => task);
    return groupResult(
      name,
      tasks.filter(({ task }) => members.includes(task)),
    );
  });
}

async function loadAll(
  tasks: readonly Task[],
  options: EvaluateOptions,
  problems: QuernError[],
): Promise<readonly LoadedTask[]> {
  const loaded: LoadedTask[] = [];
  for (const task of tasks) {
    try {
      const one = await loadTask(task, options.data, options);
      problems.push(...one.problems);
      loaded.push(one);
    } catch (error) {
      // A wrong option ends the whole run; a missing or broken file ends only its task.
      if (!(error instanceof QuernError) || error instanceof UsageError) throw error;
      problems.push(error);
    }
  }
  return loaded;
}

function taskResult(
  { task, items, total }: LoadedTask,
  samples: readonly Sample[],
  options: EvaluateOptions,
): TaskResult {
  const scored = new Set(samples.map((sample) => sample.doc_id));
  const chance = items.reduce((sum, item) => sum + (scored.has(item.docId) ? chanceOf(item) : 0), 0) / samples.length;
  return {
    task,
    scores: task.metric_list.map((metric) => scoreOf(metric, samples, chance)),
    samples,
    shots: options.shots ?? task.num_fewshot,
    total,
    chance,
  };
}

function groupResult(name: string, members: readonly TaskResult[]): GroupResult[] {
  if (members.length === 0) return [];
  const sizes = members.map(({ samples }) => samples.length);
  const items = sizes.reduce((sum, size) => sum + size, 0);
  const chance = members.reduce((sum, member, i) => sum + member.chance * sizes[i], 0) / items;
  const has = (task: Task, metric: Metric) => task.metric_list.includes(metric);
  const metrics = members[0].task.metric_list.filter((metric) => members.every(({ task }) => has(task, metric)));
  const scoresOf = (metric: Metric) =>
    members.map(({ scores }) => scores.find((score) => score.metric === metric) as Score);
  const scores = metrics.map((metric) => groupScore(metric, scoresOf(metric), sizes, chance));
  return [{ name, tasks: members.map(({ task }) => task.task), scores, items, chance }];
}
