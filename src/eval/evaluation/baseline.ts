/** Compares an evaluation with an earlier one, item by item. */
import { FormatError } from "../../base/errors.ts";
import { exp } from "../../base/exact-math.ts";
import { asObject, describeJson, isObject, type JsonObject, type JsonValue } from "../../base/json.ts";
import type { BootstrapOptions } from "../stats/bootstrap.ts";
import { comparePaired, type PairedComparison } from "../stats/paired.ts";
import type { Metric } from "../tasks/task.ts";
import type { TaskResult } from "./evaluate.ts";
import type { Sample } from "./item-sample.ts";

/** One metric of one task in two runs, over the items that both have: both values and their difference. */
export interface BaselineRow extends PairedComparison {
  readonly task: string;
  readonly metric: Metric;
  /** This run's metric over the items that both runs have. For perplexity, the difference is that of the mean log-likelihoods. */
  readonly ours: number;
  readonly baseline: number;
}

export interface BaselineComparison {
  readonly rows: readonly BaselineRow[];
  /** Tasks that could not be compared. */
  readonly problems: readonly FormatError[];
}

/** Samples of an earlier run: by task, then by the number of their row. */
export interface BaselineSamples {
  /** Name of the document, for errors. */
  readonly name: string;
  readonly tasks: ReadonlyMap<string, ReadonlyMap<number, JsonObject>>;
}

/**
 * Reads the samples from a document that `harnessDocument` made.
 * @param name of the file, for errors.
 * @throws FormatError for a document without samples.
 */
export function readBaseline(json: JsonValue, name: string): BaselineSamples {
  const samples = asObject(json, name)["samples"];
  if (!isObject(samples))
    throw new FormatError(
      name,
      `samples: found ${describeJson(samples)}, expected the samples of a run with --log-samples`,
    );
  const tasks = Object.entries(samples).map(([task, list]) => {
    if (!Array.isArray(list))
      throw new FormatError(name, `samples.${task}: found ${describeJson(list)}, expected an array`);
    return [task, new Map(list.map((one: JsonValue, i) => byId(one, `${name}: samples.${task}[${i}]`)))] as const;
  });
  return { name, tasks: new Map(tasks) };
}

function byId(json: JsonValue, where: string): [number, JsonObject] {
  const sample = asObject(json, where);
  const id = sample["doc_id"];
  if (typeof id !== "number") throw new FormatError(where, `doc_id: found ${describeJson(id)}, expected a number`);
  return [id, sample];
}

/**
 * Compares each metric of each task that both runs have, over the items that both have. A task whose questions differ in the
 * baseline, or whose metric is missing there, becomes a problem; the other tasks are compared.
 */
export async function compareWithBaseline(
  tasks: readonly TaskResult[],
  baseline: BaselineSamples,
  options: BootstrapOptions = {},
): Promise<BaselineComparison> {
  const rows: BaselineRow[] = [];
  const problems: FormatError[] = [];
  for (const result of tasks) {
    try {
      rows.push(...(await compareTask(result, baseline, options)));
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
      problems.push(error);
    }
  }
  if (rows.length === 0 && problems.length === 0)
    problems.push(new FormatError(baseline.name, "samples: found no row of this run's tasks, expected some"));
  return { rows, problems };
}

async function compareTask(
  { task, samples }: TaskResult,
  { name: where, tasks }: BaselineSamples,
  options: BootstrapOptions,
): Promise<readonly BaselineRow[]> {
  const theirs = tasks.get(task.task);
  const pairs = samples.flatMap((sample) => {
    const other = theirs?.get(sample.doc_id);
    return other === undefined ? [] : [{ sample, other }];
  });
  if (pairs.length === 0) return [];
  for (const { sample, other } of pairs) requireSame(task.task, sample, other, where);
  const rows: BaselineRow[] = [];
  for (const metric of task.metric_list) {
    const ours = pairs.map(({ sample }) => sample[metric] as number);
    const before = pairs.map(({ other, sample }) =>
      metricOf(other, metric, `${where}: samples.${task.task}, doc_id ${sample.doc_id}`),
    );
    const compared = await comparePaired(ours, before, options);
    const value = (values: readonly number[]) => (metric === "perplexity" ? exp(-mean(values)) : mean(values));
    rows.push({ task: task.task, metric, ours: value(ours), baseline: value(before), ...compared });
  }
  return rows;
}

function metricOf(sample: JsonObject, metric: Metric, where: string): number {
  const value = sample[metric];
  if (typeof value === "number") return value;
  throw new FormatError(where, `${metric}: found ${describeJson(value)}, expected a number`);
}

/** Logs of other programs have no hash of ours. Then only the index of the right choice is compared. */
function requireSame(task: string, sample: Sample, other: JsonObject, where: string): void {
  const hash = other["request_hash"];
  const isOurs = typeof hash === "string";
  const same = isOurs ? hash === sample.request_hash : String(other["target"]) === String(sample.target);
  if (same) return;
  throw new FormatError(
    where,
    `samples.${task}, doc_id ${sample.doc_id}: found another question, expected that of this run`,
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
