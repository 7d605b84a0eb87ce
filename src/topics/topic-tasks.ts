/** Tasks as data: found by name, read from JSON, loaded from rows. */
export { type LoadedTask, loadTask, type TaskItem } from "../eval/tasks/load-task.ts";
export { parseTask, readTask } from "../eval/tasks/parse-task.ts";
export { findTasks, taskNames } from "../eval/tasks/registry.ts";
export { defineTask, type Metric, type Task, type TaskDocument } from "../eval/tasks/task.ts";
