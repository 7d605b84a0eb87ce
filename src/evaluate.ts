/** `quern/evaluate`: tasks, log-likelihoods, perplexity, comparison with another model or its saved logits, expert usage, statistics. */

export { type CompareOptions, compare, compareWindows, type ReferenceComparison } from "./eval/compare/compare.ts";
export type { Comparison } from "./eval/compare/comparison-sums.ts";
export type { ReferenceFacts } from "./eval/compare/reference-layout.ts";
export { type SavedFacts, type SaveReferenceOptions, saveReference } from "./eval/compare/save-reference.ts";
export { openReference, type SavedReference } from "./eval/compare/saved-reference.ts";
export {
  type BaselineRow,
  type BaselineSamples,
  compareWithBaseline,
  readBaseline,
} from "./eval/evaluation/baseline.ts";
export {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type GroupResult,
  type TaskResult,
} from "./eval/evaluation/evaluate.ts";
export { type HarnessDocument, harnessDocument } from "./eval/evaluation/harness-document.ts";
export type { Sample } from "./eval/evaluation/item-sample.ts";
export type { Score } from "./eval/evaluation/scores.ts";
export { type ExpertUse, expertUsage } from "./eval/perplexity/expert-usage.ts";
export {
  type Perplexity,
  type PerplexityOptions,
  perplexity,
  perplexityOfWindows,
  type TextPerplexity,
  textPerplexity,
} from "./eval/perplexity/perplexity.ts";
export type { Likelihood, LikelihoodModel, LikelihoodOptions, LikelihoodRequest } from "./eval/scoring/likelihood.ts";
export { ModelLikelihood, RequestError } from "./eval/scoring/model-likelihood.ts";
export type { Protocol, ProtocolOptions } from "./eval/scoring/protocols.ts";
export { scoredWindows, type WindowProtocol } from "./eval/scoring/scored-windows.ts";
export { binomialTest, clopperPearson, proportionInterval, wilson } from "./eval/stats/binomial.ts";
export {
  type Bootstrap,
  type BootstrapOptions,
  bootstrapMean,
  type PairedBootstrap,
  pairedBootstrap,
} from "./eval/stats/bootstrap.ts";
export { holm } from "./eval/stats/holm.ts";
export { chanceLevel, type Interval, intervalContains } from "./eval/stats/interval.ts";
export { type McNemar, mcnemar, mcnemarOf } from "./eval/stats/mcnemar.ts";
export { comparePaired, type PairedComparison, studentInterval } from "./eval/stats/paired.ts";
export { type MeanWithError, meanWithError, pooledStdErr, weightedMean } from "./eval/stats/standard-error.ts";
export { type LoadedTask, loadTask, type TaskItem } from "./eval/tasks/load-task.ts";
export { parseTask, readTask } from "./eval/tasks/parse-task.ts";
export { findTasks, taskNames } from "./eval/tasks/registry.ts";
export { defineTask, type Metric, type Task, type TaskDocument } from "./eval/tasks/task.ts";
export { type Activations, activationsName, type StudyActivations } from "./nn/emit.ts";
