/** `quern/quantize`: one matrix, or a whole model. */

export {
  budgetCurve,
  type CurvePoint,
  type KnapsackOptions,
  type KnapsackPlan,
  knapsackPlan,
} from "./compress/plan/knapsack-plan.ts";
export { type DamageOptions, measureDamage } from "./compress/plan/measure-damage.ts";
export { type ByteTable, byteTable, moduleBytes, plannedBytes, plannedBytesOf } from "./compress/plan/plan-bytes.ts";
export {
  type Knapsack,
  type PlanContext,
  planFor,
  planModules,
  planSettings,
  planSettingsOf,
  type SizedPlan,
  sizedPlan,
} from "./compress/plan/plan-model.ts";
export {
  type PredictedBlock,
  type Prediction,
  type PredictorOptions,
  trainPredictor,
} from "./compress/predictor/predictor.ts";
export { type QuantizeRun, quantizeModel } from "./compress/quantize/quantize-model.ts";
export { type ModelShapes, type SourceLinear, shapesOfConfig, shapesOfFiles } from "./compress/recipe/model-shapes.ts";
export {
  averageBits,
  DEFAULT_GRID,
  defaultGrid,
  LOW_BIT_GRID,
  type ModuleSetting,
  type QuantizeSettings,
  quantizableLinears,
  STUDY_GRID,
  uniformModules,
} from "./compress/recipe/settings.ts";
export type { ModuleReport } from "./compress/result/module-report.ts";
export type { Quantized, StarvedExpert } from "./compress/result/quantized.ts";
export {
  type Checkpoint,
  type CheckpointRun,
  type FolderCheckpoint,
  openCheckpoint,
} from "./compress/resume/block-checkpoint.ts";
export { type SmoothedSite, type Smoothing, type SmoothOptions, smoothModel } from "./compress/smooth/smooth-model.ts";
export { type StaticScales, staticScales } from "./compress/smooth/static-scales.ts";
export { writeSmoothed } from "./compress/smooth/write-smoothed.ts";
export {
  type CalibrateRun,
  type CalibrationIdentity,
  calibrate,
  type PartialStatistics,
} from "./compress/statistics/calibrate.ts";
export { DAMAGE_SAMPLE_TOKENS, type Damages } from "./compress/statistics/damage-table.ts";
export { type OutlierScore, outlierScores } from "./compress/statistics/outlier-scores.ts";
export {
  type BlockStatistics,
  type ExpertDistance,
  type ExpertPairs,
  type InputStatistics,
  inputOf,
  relativeDistance,
  type Statistics,
} from "./compress/statistics/statistics.ts";
export {
  readPartialStatistics,
  readStatistics,
  writePartialStatistics,
  writeStatistics,
} from "./compress/statistics/statistics-file.ts";
export { mergeStatistics } from "./compress/statistics/statistics-sum.ts";
export {
  cutWindows,
  type SelfSampleOptions,
  selfSample,
  type WindowOptions,
} from "./compress/windows/calibration-text.ts";
export { WindowBatch, type Windows, windowsHash } from "./compress/windows/window-batch.ts";
export { type WriteOptions, type Written, writeQuantized } from "./compress/write/write-quantized.ts";
export { memoryOutput, type OutputFolder } from "./files/output.ts";
export { memoryWorkFolder, type WorkFolder } from "./files/work-folder.ts";
export { type Budget, parseBudget } from "./policy/budget.ts";
export { type PlanDocument, parsePlan } from "./policy/plan-document.ts";
export { type Policy, type PolicyStatistics, parsePolicy, policyPlan } from "./policy/policy.ts";
export { type GptqInput, type GptqOptions, type GptqResult, type GptqRun, gptq } from "./quant/gptq.ts";
export type { GridOptions } from "./quant/grid.ts";
export { Hessian, type IndexedRows } from "./quant/hessian.ts";
export { type MatrixInput, type MatrixResult, type MatrixRun, quantizeMatrix } from "./quant/quantize-matrix.ts";
export { type RtnInput, type RtnRun, rtn } from "./quant/rtn.ts";
export type { QuantizedMatrix } from "./tensor/quantized-matrix.ts";
