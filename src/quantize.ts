/** `quern/quantize`: one matrix, or a whole model. */

export { WindowBatch, type Windows } from "./compress/batch.ts";
export { type CalibrateRun, calibrate, type Statistics, writeStatistics } from "./compress/calibrate.ts";
export { cutWindows, type SelfSampleOptions, selfSample, type WindowOptions } from "./compress/calibration-text.ts";
export { type OutlierScore, outlierScores } from "./compress/outlier.ts";
export { type PredictedBlock, type Prediction, type PredictorOptions, trainPredictor } from "./compress/predictor.ts";
export { type Quantized, type QuantizeRun, quantizeModel } from "./compress/quantize.ts";
export type { ModuleReport } from "./compress/report.ts";
export {
  averageBits,
  DEFAULT_GRID,
  type ModuleSetting,
  type QuantizeSettings,
  quantizableSlots,
  STUDY_GRID,
  uniformModules,
} from "./compress/settings.ts";
export { type SmoothedSite, type Smoothing, type SmoothOptions, smoothModel } from "./compress/smooth.ts";
export type { StarvedExpert } from "./compress/starved.ts";
export { type StaticScales, staticScales } from "./compress/static-scales.ts";
export { type WriteOptions, type Written, writeQuantized } from "./compress/write.ts";
export { writeSmoothed } from "./compress/write-smoothed.ts";
export { memoryOutput, type OutputFolder } from "./format/output.ts";
export { type GptqOptions, type GptqResult, gptq } from "./quant/gptq.ts";
export type { GridOptions, QuantizedMatrix } from "./quant/grid.ts";
export { Hessian } from "./quant/hessian.ts";
export { type MatrixResult, quantizeMatrix } from "./quant/quantize-matrix.ts";
export { rtn } from "./quant/rtn.ts";
