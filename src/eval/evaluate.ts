/** Tasks by a model: load, ask, score. */
import { FormatError, QuernError, UsageError } from "../errors.ts";
import type { FolderSource } from "../format/source.ts";
import { Model, type Progress } from "../model/model.ts";
import { Turns } from "../wasm/turns.ts";
import type { Likelihood, LikelihoodModel } from "./likelihood.ts";
import { ModelLikelihood, RequestError } from "./model-likelihood.ts";
import { requestHash, type Sample, sampleOf } from "./sample.ts";
import { groupScore, type Score, scoreOf } from "./summary.ts";
import { chanceOf, type LoadedTask, loadTask, type TaskItem } from "./tasks/load.ts";
import { findTasks } from "./tasks/registry.ts";
import type { Metric, Task } from "./tasks/task.ts";

export interface EvaluateOptions {
  /** Only the first N rows of each task. */
  readonly limit?: number;
  /** Examples before each question; by default the task's own number. */
  readonly shots?: number;
  /** Items asked together. Results do not depend on it. Default 32. */
  readonly batchSize?: number;
  /** Tasks of one's own, found by name like the built-in ones. */
  readonly own?: readonly Task[];
  /** Samples of an interrupted run by task: what they answer is not asked again. */
  readonly known?: ReadonlyMap<string, readonly Sample[]>;
  /** Called, and waited for, with the samples of each batch: what a later run gets as `known`. */
  readonly onSamples?: (task: string, samples: readonly Sample[]) => void | Promise<void>;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

export interface TaskResult {
  readonly task: Task;
  readonly scores: readonly Score[];
  /** In the order of their rows. */
  readonly samples: readonly Sample[];
  readonly shots: number;
  /** Rows of the split, whatever the limit. */
  readonly total: number;
  /** Accuracy of blind guessing; 0 where there is nothing to guess. */
  readonly chance: number;
}

export interface GroupResult {
  readonly name: string;
  readonly tasks: readonly string[];
  readonly scores: readonly Score[];
  readonly items: number;
  readonly chance: number;
}

export interface Evaluation {
  readonly tasks: readonly TaskResult[];
  readonly groups: readonly GroupResult[];
  /** What could not be scored, row by row or task by task; everything else was. */
  readonly problems: readonly QuernError[];
}

const DEFAULT_BATCH_SIZE = 32;

/**
 * Scores tasks by name (`mmlu` stands for its subjects) on the original releases' files in `data`.
 * @throws UsageError for an unknown task or an option out of range. Bad rows, and tasks whose files are missing, become problems.
 */
export async function evaluate(
  model: LikelihoodModel | Model,
  names: readonly string[],
  data: FolderSource,
  options: EvaluateOptions = {},
): Promise<Evaluation> {
  if (model instanceof Model) {
    using likelihood = new ModelLikelihood(model);
    return await evaluate(likelihood, names, data, options);
  }
  const found = findTasks(names, options.own);
  const problems: QuernError[] = [];
  const loaded = await loadAll(
    found.map(({ task }) => task),
    data,
    options,
    problems,
  );
  const total = loaded.reduce((sum, { items }) => sum + items.length, 0);
  let done = 0;
  const report = (items: number, detail: string) => {
    done += items;
    options.onProgress?.({ phase: "evaluate", done, total, unit: "items", detail });
  };
  const tasks: TaskResult[] = [];
  for (const one of loaded) {
    const samples = await askTask(model, one, options, problems, (items) => report(items, one.task.task));
    if (samples.length > 0) tasks.push(taskResult(one, samples, options));
  }
  const groups = [...new Set(found.flatMap((one) => one.groups))].flatMap((name) => {
    const members = found.filter((one) => one.groups.includes(name)).map(({ task }) => task.task);
    return groupResult(
      name,
      tasks.filter(({ task }) => members.includes(task.task)),
    );
  });
  return { tasks, groups, problems };
}

async function loadAll(
  tasks: readonly Task[],
  data: FolderSource,
  options: EvaluateOptions,
  problems: QuernError[],
): Promise<readonly LoadedTask[]> {
  const loaded: LoadedTask[] = [];
  for (const task of tasks) {
    try {
      const one = await loadTask(task, data, options);
      problems.push(...one.problems);
      loaded.push(one);
    } catch (error) {
      // A wrong option is wrong for the whole run; a missing or broken file costs its own task.
      if (!(error instanceof QuernError) || error instanceof UsageError) throw error;
      problems.push(error);
    }
  }
  return loaded;
}

async function askTask(
  model: LikelihoodModel,
  { task, items }: LoadedTask,
  options: EvaluateOptions,
  problems: QuernError[],
  onDone: (items: number) => void,
): Promise<readonly Sample[]> {
  const { signal, batchSize = DEFAULT_BATCH_SIZE } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1)
    throw new UsageError("batch size", String(batchSize), "an integer from 1");
  const turns = new Turns(signal);
  const known = new Map((options.known?.get(task.task) ?? []).map((sample) => [sample.doc_id, sample]));
  const samples: Sample[] = [];
  let batch: Asked[] = [];
  const flush = async () => {
    const found = await askBatch(model, task, batch, problems, signal);
    if (found.length > 0) await options.onSamples?.(task.task, found);
    samples.push(...found);
    onDone(batch.length);
    batch = [];
  };
  for (const item of items) {
    await turns.pause();
    const asked = { item, hash: await requestHash(item) };
    const sample = known.get(item.docId);
    if (sample === undefined) batch.push(asked);
    else {
      requireSame(task, sample, asked);
      samples.push({ ...sample, doc: item.doc });
      onDone(1);
    }
    if (batch.length === batchSize) await flush();
  }
  if (batch.length > 0) await flush();
  return samples.sort((a, b) => a.doc_id - b.doc_id);
}

interface Asked {
  readonly item: TaskItem;
  readonly hash: string;
}

/** An item that the model cannot read becomes a problem; the others are asked without it. */
async function askBatch(
  model: LikelihoodModel,
  task: Task,
  batch: readonly Asked[],
  problems: QuernError[],
  signal: AbortSignal | undefined,
): Promise<readonly Sample[]> {
  let asked = batch;
  while (asked.length > 0) {
    const requests = asked.flatMap(({ item }) => item.requests);
    try {
      const found = await model.logLikelihoods(requests, { signal });
      return samplesOf(task, asked, found);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      const bad = ownerOf(asked, error.request);
      problems.push(new FormatError(bad.item.where, error.message, { cause: error }));
      asked = asked.filter((one) => one !== bad);
    }
  }
  return [];
}

function samplesOf(task: Task, asked: readonly Asked[], found: readonly Likelihood[]): readonly Sample[] {
  let at = 0;
  return asked.map(({ item, hash }) => {
    const own = found.slice(at, at + item.requests.length);
    at += item.requests.length;
    return sampleOf(task, item, own, hash);
  });
}

function ownerOf(asked: readonly Asked[], request: number): Asked {
  let at = 0;
  while (request >= asked[at].item.requests.length) request -= asked[at++].item.requests.length;
  return asked[at];
}

function requireSame(task: Task, sample: Sample, { item, hash }: Asked): void {
  if (sample.request_hash === hash && sample.resps.length === item.requests.length) return;
  throw new UsageError(
    `resume, task ${task.task}, row ${item.docId}`,
    "the answer to another question",
    "the same data and task as in the interrupted run",
  );
}

function taskResult(
  { task, items, total }: LoadedTask,
  samples: readonly Sample[],
  options: EvaluateOptions,
): TaskResult {
  const chance = items.reduce((sum, item) => sum + chanceOf(item), 0) / items.length;
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
