/** The tasks and groups that can be named. */

import { UsageError } from "../../base/errors.ts";
import { nearestWord } from "../../base/nearest-word.ts";
import { ARC } from "./builtin/arc.ts";
import { COPA } from "./builtin/copa.ts";
import { HELLASWAG } from "./builtin/hellaswag.ts";
import { LAMBADA } from "./builtin/lambada.ts";
import { MMLU } from "./builtin/mmlu.ts";
import { OPENBOOKQA } from "./builtin/openbookqa.ts";
import { PIQA } from "./builtin/piqa.ts";
import { WINOGRANDE } from "./builtin/winogrande.ts";
import type { Task } from "./task.ts";

export const BUILTIN_TASKS: readonly Task[] = [WINOGRANDE, COPA, OPENBOOKQA, HELLASWAG, PIQA, ...MMLU, ...ARC, LAMBADA];

export interface FoundTask {
  readonly task: Task;
  /** The named groups that contain it; none if it was named itself only. */
  readonly groups: readonly string[];
}

/** The tasks that names of tasks and groups stand for, each once, in the order of the names. `own` are tasks besides the built-in ones. */
export function findTasks(names: readonly string[], own: readonly Task[] = []): FoundTask[] {
  const tasks = [...BUILTIN_TASKS, ...own];
  checkNames(tasks);
  const groups = new Map<Task, Set<string>>();
  for (const name of names) {
    const members = tasks.filter(({ task, tag }) => task === name || tag.includes(name));
    if (members.length === 0) throw unknownTask(name, taskNames(own));
    for (const task of members) {
      const asked = groups.get(task) ?? new Set();
      groups.set(task, task.task === name ? asked : asked.add(name));
    }
  }
  return [...groups].map(([task, asked]) => ({ task, groups: [...asked] }));
}

/** Names of all tasks, and of the groups before their members. */
export function taskNames(own: readonly Task[] = []): string[] {
  return [...new Set([...BUILTIN_TASKS, ...own].flatMap(({ task, tag }) => [...tag, task]))];
}

/** Checks that no name stands for two things. */
function checkNames(tasks: readonly Task[]): void {
  const tags = new Set(tasks.flatMap((task) => task.tag));
  const seen = new Set<string>();
  for (const { task } of tasks) {
    if (seen.has(task) || tags.has(task))
      throw new UsageError(`task ${task}`, "the name of another task or group", "a name of its own");
    seen.add(task);
  }
}

const OFFERED = 3;

function unknownTask(name: string, known: readonly string[]): UsageError {
  const word = name.slice(0, 40);
  const near: string[] = [];
  while (near.length < OFFERED)
    near.push(
      nearestWord(
        word,
        known.filter((each) => !near.includes(each)),
      ),
    );
  return new UsageError("tasks", JSON.stringify(word), `the name of a task or group, such as ${near.join(", ")}`);
}
