/** Exports `quern/evaluate`: tasks, log-likelihoods, perplexity, comparisons, and parts for research by topic. */
export { type CompareOptions, compare, type ReferenceComparison } from "./eval/compare/compare.ts";
export type { Comparison } from "./eval/compare/comparison-sums.ts";
export {
  type EvaluateOptions,
  type Evaluation,
  evaluate,
  type GroupResult,
  type TaskResult,
} from "./eval/evaluation/evaluate.ts";
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
export { type Activations, activationsName, type StudyActivations } from "./nn/emit.ts";
export * as baselines from "./topics/topic-baselines.ts";
export * as references from "./topics/topic-references.ts";
export * as significance from "./topics/topic-significance.ts";
export * as tasks from "./topics/topic-tasks.ts";
