/** Tests whether one result is better: intervals, tests and bootstraps for means, proportions and pairs. */
export { binomialTest, clopperPearson, proportionInterval, wilson } from "../eval/stats/binomial.ts";
export {
  type Bootstrap,
  type BootstrapOptions,
  bootstrapMean,
  type PairedBootstrap,
  pairedBootstrap,
} from "../eval/stats/bootstrap.ts";
export { type CrossedBootstrapOptions, crossedBootstrap } from "../eval/stats/crossed/crossed-bootstrap.ts";
export {
  type CrossedDifference,
  type CrossedPair,
  crossedDifference,
  crossedGain,
} from "../eval/stats/crossed/crossed-difference.ts";
export { type CrossedMean, type CrossedMeanOptions, crossedMean } from "../eval/stats/crossed/crossed-mean.ts";
export type { CrossedTable } from "../eval/stats/crossed/crossed-table.ts";
export { holm } from "../eval/stats/holm.ts";
export { chanceLevel, type Interval, intervalContains } from "../eval/stats/interval.ts";
export { type McNemar, mcnemar, mcnemarOf } from "../eval/stats/mcnemar.ts";
export { comparePaired, type PairedComparison, studentInterval } from "../eval/stats/paired.ts";
export { type MeanWithError, meanWithError, pooledStdErr, weightedMean } from "../eval/stats/standard-error.ts";
