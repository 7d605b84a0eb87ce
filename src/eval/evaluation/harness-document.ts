/** Turns an evaluation into the JSON document that lm-evaluation-harness writes: `results`, `groups`, `versions`, `n-shot`, `n-samples`, `samples`. */

import type { Interval } from "../stats/interval.ts";
import type { Evaluation, GroupResult, TaskResult } from "./evaluate.ts";
import type { Score } from "./scores.ts";

/** Infinite numbers become null, such as the perplexity of a text to which a model gives probability 0. */
type Row = Readonly<Record<string, string | number | null>>;

/** An evaluation as lm-evaluation-harness writes it, with intervals and levels of chance as additional fields. */
export interface HarnessDocument {
  readonly results: Readonly<Record<string, Row>>;
  readonly groups?: Readonly<Record<string, Row>>;
  readonly group_subtasks?: Readonly<Record<string, readonly string[]>>;
  readonly configs: Readonly<Record<string, unknown>>;
  readonly versions: Readonly<Record<string, number>>;
  readonly "n-shot": Readonly<Record<string, number>>;
  readonly higher_is_better: Readonly<Record<string, Readonly<Record<string, boolean>>>>;
  readonly "n-samples": Readonly<Record<string, { readonly original: number; readonly effective: number }>>;
  /** 95 % interval of each score. */
  readonly intervals: Readonly<Record<string, Readonly<Record<string, Interval>>>>;
  /** Scores whose interval contains the level of chance. */
  readonly at_chance: Readonly<Record<string, readonly string[]>>;
  /** Level of chance of each task and group. */
  readonly chance: Readonly<Record<string, number>>;
  readonly config: Readonly<Record<string, unknown>>;
  readonly samples?: Readonly<Record<string, TaskResult["samples"]>>;
}

/** @param config description of the run, such as model, limit and engine; it is copied to the document. */
export function harnessDocument(
  { tasks, groups }: Evaluation,
  config: Readonly<Record<string, unknown>>,
  options: { readonly samples?: boolean } = {},
): HarnessDocument {
  const byTask = <T>(pick: (result: TaskResult) => T) =>
    Object.fromEntries(tasks.map((result) => [result.task.task, pick(result)]));
  const byGroup = <T>(pick: (group: GroupResult) => T) =>
    Object.fromEntries(groups.map((group) => [group.name, pick(group)]));
  return {
    results: {
      ...byTask(({ task, scores }) => rowOf(task.task, scores)),
      ...byGroup(({ name, scores }) => rowOf(name, scores)),
    },
    ...(groups.length > 0 && {
      groups: byGroup(({ name, scores }) => rowOf(name, scores)),
      group_subtasks: byGroup((group) => group.tasks),
    }),
    configs: byTask(({ task }) => task),
    versions: byTask(({ task }) => task.version),
    "n-shot": byTask(({ shots }) => shots),
    higher_is_better: byTask(({ task }) =>
      Object.fromEntries(task.metric_list.map((metric) => [metric, metric !== "perplexity"])),
    ),
    "n-samples": byTask(({ total, samples }) => ({ original: total, effective: samples.length })),
    intervals: { ...byTask(({ scores }) => intervalsOf(scores)), ...byGroup(({ scores }) => intervalsOf(scores)) },
    at_chance: { ...byTask(({ scores }) => atChance(scores)), ...byGroup(({ scores }) => atChance(scores)) },
    chance: { ...byTask((result) => result.chance), ...byGroup((group) => group.chance) },
    config,
    ...(options.samples === true && { samples: byTask(({ samples }) => samples) }),
  };
}

/** In the harness, `none` is the name of the filter that leaves answers unchanged. */
function rowOf(alias: string, scores: readonly Score[]): Row {
  return Object.fromEntries([
    ["alias", alias],
    ...scores.flatMap(({ metric, value, stdErr }) => [
      [`${metric},none`, finite(value)],
      [`${metric}_stderr,none`, finite(stdErr)],
    ]),
  ]) as Row;
}

function finite(value: number): number | null {
  return Number.isFinite(value) ? value : null;
}

function intervalsOf(scores: readonly Score[]): Readonly<Record<string, Interval>> {
  const known = scores.filter(({ interval: [lo, hi] }) => Number.isFinite(lo) && Number.isFinite(hi));
  return Object.fromEntries(known.map(({ metric, interval }) => [metric, interval]));
}

function atChance(scores: readonly Score[]): readonly string[] {
  return scores.filter((score) => score.atChance).map(({ metric }) => metric);
}
