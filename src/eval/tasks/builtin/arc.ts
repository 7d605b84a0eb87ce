import { defineTask, type Metric, type Task } from "../task.ts";

/** AI2 Reasoning Challenge in its original form. The answer key is the label of a choice: a letter or a digit. */
export const ARC: readonly Task[] = [
  arc("arc_easy", "ARC-Easy", "acc"),
  arc("arc_challenge", "ARC-Challenge", "acc_norm"),
];

function arc(task: string, set: string, primary: Metric): Task {
  return defineTask({
    task,
    files: { test: `arc/${set}/${set}-Test.jsonl`, fewshot: `arc/${set}/${set}-Train.jsonl` },
    doc_to_text: "Question: {{question.stem}}\nAnswer:",
    doc_to_choice: "{{ question.choices | map(attribute='text') }}",
    doc_to_target: "answerKey",
    target_labels: "{{ question.choices | map(attribute='label') }}",
    metric_list: ["acc", "acc_norm"],
    primary,
  });
}
