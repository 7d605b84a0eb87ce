/** One matrix: GPTQ and plain rounding, without a model. */
export { type GptqInput, type GptqOptions, type GptqResult, type GptqRun, gptq } from "../quant/gptq.ts";
export type { GridOptions } from "../quant/grid.ts";
export { Hessian, type IndexedRows } from "../quant/hessian.ts";
export { type MatrixInput, type MatrixResult, type MatrixRun, quantizeMatrix } from "../quant/quantize-matrix.ts";
export { type RtnInput, type RtnRun, rtn } from "../quant/rtn.ts";
