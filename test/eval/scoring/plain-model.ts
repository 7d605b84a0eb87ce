/** Models that are plain objects, and a task of one's own on rows in memory. */

import type { JsonObject } from "../../../src/base/json.ts";
import { type EvaluateOptions, type Evaluation, evaluate } from "../../../src/eval/evaluation/evaluate.ts";
import type { LikelihoodModel, LikelihoodRequest } from "../../../src/eval/scoring/likelihood.ts";
import { parseTask } from "../../../src/eval/tasks/parse-task.ts";
import { filesFolder } from "../../../src/files/source.ts";

export interface Asking extends LikelihoodModel {
  readonly asked: LikelihoodRequest[];
  calls: number;
}
/** Likes a continuation the more the larger `likes` is. */
export function modelOf(likes: (request: LikelihoodRequest) => number, greedy = false): Asking {
  const asked: LikelihoodRequest[] = [];
  return {
    asked,
    calls: 0,
    async logLikelihoods(requests) {
      this.calls++;
      asked.push(...requests);
      return requests.map((request) => ({ logLikelihood: likes(request), isGreedy: greedy }));
    },
    rollingLogLikelihoods: async (texts) => texts.map((text) => -text.length),
  };
}
export const shortest = () => modelOf(({ continuation }) => -continuation.length);

export const MINE: JsonObject = {
  task: "mine",
  files: { test: "t.jsonl", fewshot: "s.jsonl" },
  doc_to_text: "{{q}}",
  doc_to_choice: "c",
  doc_to_target: "t",
  metric_list: ["acc", "acc_norm", "acc_bytes"],
};
export const rowsOf = (rows: readonly object[]) =>
  new TextEncoder().encode(rows.map((row) => `${JSON.stringify(row)}\n`).join(""));
/** One task of one's own on rows in memory. */
export function evaluateRows(
  model: LikelihoodModel,
  rows: readonly object[],
  options: Omit<EvaluateOptions, "data" | "own"> = {},
  fields: JsonObject = {},
): Promise<Evaluation> {
  const own = [parseTask({ ...MINE, ...fields }, "mine.json")];
  const files = { "t.jsonl": rowsOf(rows), "s.jsonl": rowsOf([{ q: "shot", c: ["yes", "no"], t: 0 }]) };
  return evaluate(model, ["mine"], { ...options, data: filesFolder("DIR", files), own });
}
export const ROWS = [
  { q: "a", c: ["long one", "short"], t: 1 },
  { q: "b", c: ["x", "yy", "zzz"], t: 2 },
  { q: "c", c: ["äöü", "bcde"], t: 1 },
  { q: "d", c: ["same", "same"], t: 1 },
];
