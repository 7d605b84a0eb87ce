/** `quern/quantize`: one matrix, or a whole model. */
export { type GptqOptions, type GptqResult, gptq } from "./quant/gptq.ts";
export type { GridOptions, QuantizedMatrix } from "./quant/grid.ts";
export { Hessian } from "./quant/hessian.ts";
export { type MatrixResult, quantizeMatrix } from "./quant/quantize-matrix.ts";
export { rtn } from "./quant/rtn.ts";
