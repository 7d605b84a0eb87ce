/** The result of quantising: codes by module, and what there is to tell of them; of a whole model, or of one block. */
import { exactF16 } from "../../format/float16.ts";
import type { QuantizedMatrix } from "../../quant/grid.ts";
import type { ModuleReport } from "./module-report.ts";

/** An expert with fewer calibration tokens than its Hessian needs, and what was done about it. */
export interface StarvedExpert {
  readonly layer: number;
  readonly expert: number;
  readonly tokens: number;
  /** What was done: to its gate and up, to its down projection. */
  readonly remedy: "blended" | "few tokens" | "rounded" | "blended, down rounded";
}

/** Quantised matrices by module name, a report of each, and the experts that few calibration tokens reached. */
export interface Quantized {
  readonly matrices: ReadonlyMap<string, QuantizedMatrix>;
  /** In the order in which they were done. */
  readonly modules: readonly ModuleReport[];
  readonly starved: readonly StarvedExpert[];
}

/** A quantised matrix as files and panels take it: scales as f16 bits. */
export function plainCodes(matrix: QuantizedMatrix): {
  N: number;
  K: number;
  G: number;
  bits: 2 | 3 | 4 | 8;
  codes: Uint8Array;
  scales: Uint16Array;
  zeros: Uint8Array;
} {
  const { rows, cols, groups, bits, codes, scales, zeros } = matrix;
  // Exact by construction: the grid rounded every scale to f16 before using it.
  const f16 = Uint16Array.from(scales, (scale) => exactF16(scale) as number);
  return { N: rows, K: cols, G: groups, bits: bits as 2 | 3 | 4 | 8, codes, scales: f16, zeros };
}
