import { defineTask, type Task } from "../task.ts";

/** HellaSwag: the original release (`ctx_a`, `ctx_b`), or a text extraction with the context joined (`ctx`). */
export const HELLASWAG: Task = defineTask({
  task: "hellaswag",
  files: { test: "hellaswag/hellaswag_val.jsonl", fewshot: "hellaswag/hellaswag_train.jsonl" },
  process: "hellaswag",
  doc_to_text: "query",
  doc_to_choice: "choices",
  doc_to_target: "label",
  metric_list: ["acc", "acc_norm"],
  primary: "acc_norm",
});
