/** `quern/quantize`: statistics, plans and quantised models. The parts for research are grouped by topic. */

export { convertModel } from "./compress/convert/convert-model.ts";
export { bundleModel } from "./compress/convert/write-bundle.ts";
export type { BundleOptions } from "./compress/convert/write-entries.ts";
export type { ConvertOptions } from "./compress/convert/write-folder.ts";
export type { SizedPlan } from "./compress/plan/plan-context.ts";
export type { ModuleReport } from "./compress/result/module-report.ts";
export type { Quantized, QuantizedMatrices, StarvedExpert } from "./compress/result/quantized.ts";
export { type PlanOptions, type PolicyOptions, plan } from "./compress/run/make-plan.ts";
export { type QuantizeOptions, type QuantizeResult, quantize } from "./compress/run/make-quantized.ts";
export { type CalibrateRun, calibrate, type PartialStatistics } from "./compress/statistics/calibrate.ts";
export type { Statistics } from "./compress/statistics/statistics.ts";
export {
  cutWindows,
  type SelfSampleOptions,
  selfSample,
  type WindowOptions,
} from "./compress/windows/calibration-text.ts";
export type { Windows } from "./compress/windows/window-batch.ts";
export type { Written } from "./compress/write/write-quantized.ts";
export { memoryOutput, type OutputFile, type OutputFolder } from "./files/output.ts";
export { memoryWorkFolder, type WorkFolder } from "./files/work-folder.ts";

export type { QuantizedMatrix } from "./tensor/quantized-matrix.ts";
export * as matrix from "./topics/topic-matrix.ts";
export * as plans from "./topics/topic-plans.ts";
export * as predictor from "./topics/topic-predictor.ts";
export * as recipe from "./topics/topic-recipe.ts";
export * as smoothing from "./topics/topic-smoothing.ts";
export * as statistics from "./topics/topic-statistics.ts";
export * as steps from "./topics/topic-steps.ts";
