/** The result of quantising: matrices of codes, and a report of each, of a whole model or of one block. */
import type { QuantizedMatrix } from "../../tensor/quantized-matrix.ts";
import type { ModuleReport } from "./module-report.ts";

/** An expert with fewer calibration tokens than its Hessian needs, and what was done about it. */
export interface StarvedExpert {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
  /** What was done: to its gate and up, to its down projection. */
  readonly remedy: "blended" | "few tokens" | "rounded" | "blended, down rounded";
}

/** Quantised matrices, wherever they lie: in memory, or in the files of finished blocks. */
export interface QuantizedMatrices {
  /** The matrix of a linear; undefined for one that was not quantised. @throws FormatError where a file is damaged. */
  get(name: string): Promise<QuantizedMatrix | undefined>;
  /** Its scales alone, f32 [rows, groups]: a file is written in two passes, and codes are read in one of them only. */
  scales(name: string): Promise<Float32Array | undefined>;
}

/** What quantising gives for a model: its matrices, a report of each, and the experts that few calibration tokens reached. */
export interface Quantized {
  readonly matrices: QuantizedMatrices;
  /** In the order in which they were quantised. */
  readonly modules: readonly ModuleReport[];
  readonly starved: readonly StarvedExpert[];
}

/** The same of one block, its matrices in memory by the names of their linears. */
export interface QuantizedBlock extends Omit<Quantized, "matrices"> {
  readonly matrices: ReadonlyMap<string, QuantizedMatrix>;
}

/** Matrices that are in memory. */
export function heldMatrices(matrices: ReadonlyMap<string, QuantizedMatrix>): QuantizedMatrices {
  return {
    get: async (name) => matrices.get(name),
    scales: async (name) => matrices.get(name)?.scales,
  };
}
