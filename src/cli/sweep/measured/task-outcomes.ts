/** A cell's answers to tasks: scores, and the outcome of every item. */
import { join } from "node:path";
import { nodeTree } from "../../../adapter/node.ts";
import { evaluate, type TaskResult } from "../../../eval/evaluation/evaluate.ts";
import type { Model } from "../../../model/model.ts";
import type { CellMetric } from "../../../report/results/cell-line.ts";
import { openAnswers } from "../../input/answers-journal.ts";
import type { CommandSession } from "../../session/command-session.ts";
import { answersName } from "../cache/shared-names.ts";
import type { SweepFolder } from "../cache/sweep-cache.ts";
import type { SweepCell } from "../cell-list.ts";
import type { SweepMetric } from "../config/sweep-config.ts";

export async function outcomesOf(
  { signal, report: onProgress }: CommandSession,
  cell: SweepCell,
  { name, tasks: names, data: path, limit }: Extract<SweepMetric, { readonly type: "tasks" }>,
  model: Model,
  { cache }: SweepFolder,
): Promise<CellMetric> {
  const data = await nodeTree(path);
  try {
    // The cell's key is of everything that decides its answers. They stay in the cache: a cell that is interrupted asks only what is missing.
    const run = { cell: cell.key, metric: name };
    await using answers = await openAnswers(join(cache, await answersName(cell, name)), run, { resume: true });
    const { known, onSamples } = answers;
    const { tasks, problems } = await evaluate(model, names, { data, limit, signal, known, onSamples, onProgress });
    if (problems.length > 0) throw problems[0];
    return { type: "tasks", tasks: Object.fromEntries(tasks.map((result) => [result.task.task, outcomeOf(result)])) };
  } finally {
    await data.close();
  }
}

/** The primary metric with the outcome of every item, since cells are compared item by item. */
function outcomeOf({ task, scores, samples, chance }: TaskResult) {
  const { metric, value, stdErr } = scores.find((score) => score.metric === task.primary) ?? scores[0];
  return { metric, value, stdErr, chance, outcomes: samples.map((sample) => sample[metric]).join("") };
}
