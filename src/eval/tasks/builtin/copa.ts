import { defineTask, type Task } from "../task.ts";

/** Choice of Plausible Alternatives, in the form of SuperGLUE. */
export const COPA: Task = defineTask({
  task: "copa",
  files: { test: "copa/val.jsonl", fewshot: "copa/train.jsonl" },
  process: "copa",
  doc_to_text: "query",
  doc_to_choice: "choices",
  doc_to_target: "label",
});
