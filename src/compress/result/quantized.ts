/** Result of quantising a whole model or one block: matrices of codes, and a report on each. */
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { MatricesByName } from "./held-matrices.ts";
import type { ModuleReport } from "./module-report.ts";

/** An expert with fewer calibration tokens than its Hessian needs, and its remedy. */
export interface StarvedExpert {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
  /** Treatment of its gate and up, and of its down projection. */
  readonly remedy: "blended" | "few tokens" | "rounded" | "blended, down rounded";
}

/** Quantised matrices, in memory or in the files of finished blocks. */
export interface QuantizedMatrices {
  /** The matrix of a linear; undefined if it was not quantised. @throws FormatError if a file is damaged. */
  get(name: string): Promise<QuantizedMatrix | undefined>;
  /** The matrix's scales alone, f32 [rows, groups]. The output is written in two passes, of which only one reads codes. */
  scales(name: string): Promise<Float32Array | undefined>;
}

/** Result of quantising a model: its matrices, a report on each, and the experts that too few calibration tokens reached. */
export interface Quantized {
  readonly matrices: QuantizedMatrices;
  /** In the order of quantising. */
  readonly modules: readonly ModuleReport[];
  readonly starved: readonly StarvedExpert[];
}

/** The result for one block, with its matrices in memory by the names of their linears. */
export interface QuantizedBlock extends Omit<Quantized, "matrices"> {
  readonly matrices: MatricesByName;
}

/** Wraps matrices that are in memory. */
export function heldMatrices(matrices: MatricesByName): QuantizedMatrices {
  return {
    get: async (name) => matrices.get(name),
    scales: async (name) => matrices.get(name)?.scales,
  };
}
