import { defineTask, type Task } from "../task.ts";

/** LAMBADA as OpenAI prepared it: the last word of a passage, given all words before it. */
export const LAMBADA: Task = defineTask({
  task: "lambada_openai",
  files: { test: "lambada/lambada_test.jsonl" },
  output_type: "loglikelihood",
  doc_to_text: "{{ text.split(' ')[:-1] | join(' ') }}",
  doc_to_target: "{{ text.split(' ')[-1] }}",
});
