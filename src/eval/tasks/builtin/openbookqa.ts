import { defineTask, type Task } from "../task.ts";

/** OpenBookQA in its original form, without the facts. */
export const OPENBOOKQA: Task = defineTask({
  task: "openbookqa",
  files: { test: "openbookqa/test.jsonl", fewshot: "openbookqa/dev.jsonl" },
  doc_to_text: "question.stem",
  doc_to_choice: "{{ question.choices | map(attribute='text') }}",
  doc_to_target: "answerKey",
  target_labels: "{{ question.choices | map(attribute='label') }}",
  metric_list: ["acc", "acc_norm"],
  primary: "acc_norm",
});
