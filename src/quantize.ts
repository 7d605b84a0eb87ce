/** `quern/quantize`: one matrix, or a whole model. */

export { WindowBatch, type Windows } from "./compress/batch.ts";
export {
  type CalibrateRun,
  type CalibrationIdentity,
  calibrate,
  type PartialStatistics,
} from "./compress/calibrate.ts";
export { cutWindows, type SelfSampleOptions, selfSample, type WindowOptions } from "./compress/calibration-text.ts";
export { type Checkpoint, type CheckpointRun, type FolderCheckpoint, openCheckpoint } from "./compress/checkpoint.ts";
export { type DamageOptions, measureDamage } from "./compress/damage/damage.ts";
export { DAMAGE_SAMPLE_TOKENS, type Damages } from "./compress/damage/damage-table.ts";
export {
  budgetCurve,
  type CurvePoint,
  type KnapsackOptions,
  type KnapsackPlan,
  knapsackPlan,
} from "./compress/knapsack.ts";
export { type OutlierScore, outlierScores } from "./compress/outlier.ts";
export {
  type Knapsack,
  type PlanContext,
  planFor,
  planModules,
  planSettings,
  planSettingsOf,
  type SizedPlan,
  sizedPlan,
} from "./compress/plan.ts";
export { type ByteTable, byteTable, moduleBytes, plannedBytes, plannedBytesOf } from "./compress/plan-bytes.ts";
export { type PredictedBlock, type Prediction, type PredictorOptions, trainPredictor } from "./compress/predictor.ts";
export { type QuantizeRun, quantizeModel } from "./compress/quantize.ts";
export type { Quantized } from "./compress/quantized.ts";
export type { ModuleReport } from "./compress/report.ts";
export {
  averageBits,
  DEFAULT_GRID,
  defaultGrid,
  LOW_BIT_GRID,
  type ModuleSetting,
  type QuantizeSettings,
  quantizableSlots,
  STUDY_GRID,
  uniformModules,
} from "./compress/settings.ts";
export { type LinearShape, type ModelShapes, shapesOfConfig, shapesOfFiles } from "./compress/shapes.ts";
export { type SmoothedSite, type Smoothing, type SmoothOptions, smoothModel } from "./compress/smooth.ts";
export type { StarvedExpert } from "./compress/starved.ts";
export { type StaticScales, staticScales } from "./compress/static-scales.ts";
export {
  type BlockStatistics,
  type ExpertDistance,
  type ExpertPairs,
  type InputStatistics,
  inputOf,
  relativeDistance,
  type Statistics,
} from "./compress/statistics.ts";
export {
  readPartialStatistics,
  readStatistics,
  writePartialStatistics,
  writeStatistics,
} from "./compress/statistics-file.ts";
export { mergeStatistics } from "./compress/statistics-sum.ts";
export { windowsHash } from "./compress/windows-hash.ts";
export { type WriteOptions, type Written, writeQuantized } from "./compress/write.ts";
export { writeSmoothed } from "./compress/write-smoothed.ts";
export { memoryOutput, type OutputFolder } from "./format/output.ts";
export { memoryWorkFolder, type WorkFolder } from "./format/work-folder.ts";
export { type Budget, parseBudget } from "./quant/budget.ts";
export { type GptqOptions, type GptqResult, gptq } from "./quant/gptq.ts";
export type { GridOptions, QuantizedMatrix } from "./quant/grid.ts";
export { Hessian } from "./quant/hessian.ts";
export { type PlanDocument, parsePlan } from "./quant/plan-document.ts";
export { type Policy, type PolicyStatistics, parsePolicy, policyPlan } from "./quant/policy.ts";
export { type MatrixResult, quantizeMatrix } from "./quant/quantize-matrix.ts";
export { rtn } from "./quant/rtn.ts";
