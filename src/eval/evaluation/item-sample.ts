/** Makes the sample of an item: its answers and metrics, as lm-evaluation-harness logs them. */
import { sha256 } from "../../files/sha256.ts";
import { characterCount } from "../../text/parts/python-text.ts";
import type { Likelihood } from "../scoring/likelihood.ts";
import type { TaskItem } from "../tasks/load-task.ts";
import type { Metric, Task } from "../tasks/task.ts";

/**
 * One item as lm-evaluation-harness logs it: the right choice, the log-likelihood of each choice in nats and whether it is greedy,
 * and the item's metrics.
 */
export interface Sample {
  readonly doc_id: number;
  /** Index of the right choice. */
  readonly target: number;
  /** `[log-likelihood, whether it is greedy]` of each choice. */
  readonly resps: readonly (readonly [number, boolean])[];
  readonly acc?: number;
  readonly acc_norm?: number;
  readonly acc_bytes?: number;
  /** The item's log-likelihood in nats, from which the task's perplexity is computed. */
  readonly perplexity?: number;
  /** SHA-256 of all contexts and continuations. If it is the same in two runs, they asked the same question. */
  readonly request_hash: string;
  /** The row of the task's file. */
  readonly doc?: unknown;
}

/** @param likelihoods one for each request of the item. */
export function sampleOf(task: Task, item: TaskItem, likelihoods: readonly Likelihood[], requestHash: string): Sample {
  const logs = likelihoods.map(({ logLikelihood }) => logLikelihood);
  const metrics = Object.fromEntries(
    task.metric_list.map((metric) => [metric, METRICS[metric](item, logs, likelihoods)]),
  );
  return {
    doc_id: item.docId,
    target: item.target,
    resps: likelihoods.map(({ logLikelihood, isGreedy }) => [logLikelihood, isGreedy]),
    ...metrics,
    request_hash: requestHash,
    doc: item.doc,
  };
}

export function requestHash(item: TaskItem): Promise<string> {
  const asked = item.requests.map(({ context, continuation }) => [context, continuation]);
  return sha256(new TextEncoder().encode(JSON.stringify(asked)));
}

type Measure = (item: TaskItem, logs: readonly number[], likelihoods: readonly Likelihood[]) => number;

const METRICS: Readonly<Record<Metric, Measure>> = {
  acc: (item, logs, likelihoods) =>
    // A single continuation is right if the model would generate it greedily.
    logs.length === 1 ? Number(likelihoods[0].isGreedy) : Number(firstLargest(logs) === item.target),
  acc_norm: (item, logs) => isRight(item, logs, characterCount),
  acc_bytes: (item, logs) => isRight(item, logs, (choice) => new TextEncoder().encode(choice).length),
  perplexity: (_, logs) => logs[0],
};

function isRight(item: TaskItem, logs: readonly number[], lengthOf: (choice: string) => number): number {
  return Number(firstLargest(logs.map((value, choice) => value / lengthOf(item.choices[choice]))) === item.target);
}

/** Ties go to the first. */
function firstLargest(values: readonly number[]): number {
  return values.reduce((best, value, index) => (value > values[best] ? index : best), 0);
}
