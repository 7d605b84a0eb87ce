/** `quern/evaluate`: tasks, log-likelihoods, perplexity, comparison with another model or its saved logits, expert usage, statistics. */
export { type BaselineRow, type BaselineSamples, compareWithBaseline, readBaseline } from "./eval/baseline.ts";
export { type CompareOptions, compare, compareWindows, type ReferenceComparison } from "./eval/compare.ts";
export {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type GroupResult,
  type TaskResult,
} from "./eval/evaluate.ts";
export { type ExpertUse, expertUsage } from "./eval/expert-usage.ts";
export { type HarnessDocument, harnessDocument } from "./eval/harness.ts";
export type { Likelihood, LikelihoodModel, LikelihoodOptions, LikelihoodRequest } from "./eval/likelihood.ts";
export { ModelLikelihood, RequestError } from "./eval/model-likelihood.ts";
export { openReference, type SavedReference } from "./eval/open-reference.ts";
export {
  type Perplexity,
  type PerplexityOptions,
  perplexity,
  perplexityOfWindows,
  type TextPerplexity,
  textPerplexity,
} from "./eval/perplexity.ts";
export type { Protocol, ProtocolOptions } from "./eval/protocols.ts";
export type { ReferenceFacts } from "./eval/reference-layout.ts";
export type { Sample } from "./eval/sample.ts";
export { type SavedFacts, type SaveReferenceOptions, saveReference } from "./eval/save-reference.ts";
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
export type { Score } from "./eval/summary.ts";
export type { Comparison } from "./eval/tally.ts";
export { type LoadedTask, loadTask, type TaskItem } from "./eval/tasks/load.ts";
export { parseTask, readTask } from "./eval/tasks/parse-task.ts";
export { findTasks, taskNames } from "./eval/tasks/registry.ts";
export { defineTask, type Metric, type Task, type TaskDocument } from "./eval/tasks/task.ts";
export { scoredWindows, type WindowProtocol } from "./eval/windows.ts";
export { type Activations, activationsName, type StudyActivations } from "./nn/emit.ts";
