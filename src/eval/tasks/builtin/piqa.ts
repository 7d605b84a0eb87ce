import { defineTask, type Task } from "../task.ts";

/** PIQA in its original form: the labels are in a file of their own. */
export const PIQA: Task = defineTask({
  task: "piqa",
  files: {
    test: { path: "piqa/valid.jsonl", labels: "piqa/valid-labels.lst" },
    fewshot: { path: "piqa/train.jsonl", labels: "piqa/train-labels.lst" },
  },
  doc_to_text: "Question: {{goal}}\nAnswer:",
  doc_to_choice: ["{{sol1}}", "{{sol2}}"],
  doc_to_target: "label",
  metric_list: ["acc", "acc_norm"],
});
