import { defineTask, type Task } from "../task.ts";

/** WinoGrande in its original form: which option makes the rest of the sentence likelier. */
export const WINOGRANDE: Task = defineTask({
  task: "winogrande",
  files: { test: "winogrande/dev.jsonl", fewshot: "winogrande/train_xs.jsonl" },
  process: "winogrande",
  doc_to_text: "before",
  doc_to_choice: ["{{option1}}", "{{option2}}"],
  doc_to_continuation: "after",
  doc_to_target: "answer",
  target_labels: ["1", "2"],
});
