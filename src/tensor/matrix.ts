/** Types of weight matrices in the engine's memory: their address, shape and format (docs/kernels.md). */
import type { Bits } from "./linear-shape.ts";
import { PANEL_ROWS, panelCount } from "./panel.ts";

export type FloatDType = "f32" | "f16" | "bf16";
/** A linear [rows, cols] (out x in) in panels of 16 rows, as floats. */
export interface FloatMatrix {
  readonly kind: "float";
  readonly dtype: FloatDType;
  readonly ptr: number;
  readonly rows: number;
  readonly cols: number;
}

/** A linear [rows, cols] in packed panels with inline scales. */
export interface PackedMatrix {
  readonly kind: "packed";
  readonly bits: Bits;
  /** Columns that share a scale; `cols` for the whole row. */
  readonly groupSize: number;
  /** The zero of all rows and groups; `OWN_ZEROS` if each has its own, in the panels. */
  readonly zero: number;
  readonly ptr: number;
  readonly rows: number;
  readonly cols: number;
  /**
   * Address of i32 [cols], or 0: stored column j is the layer's input column perm[j]. Only needed for files with a scattered g_idx
   * (act-order with dynamic groups), whose inputs are gathered first.
   */
  readonly permPtr: number;
}

/**
 * How blocks are stored: bits of a code, columns that share a scale and a minimum (16 at 2 and 6 bits, 32 at 4 and 5), and columns that share the
 * units of both. Codes of 6 bits are from -32 to 31 and have no minimum.
 */
export interface BlockForm {
  readonly bits: 2 | 4 | 5 | 6;
  readonly groupSize: 16 | 32;
  readonly blockSize: 32 | 256;
}

/** A linear [rows, cols] in panels of blocks: weights are `(d * scale) * code - dmin * min`, in blocks of 32 columns `d * code - dmin` (docs/kernels.md). */
export interface BlockMatrix extends BlockForm {
  readonly kind: "blocks";
  readonly ptr: number;
  readonly rows: number;
  readonly cols: number;
}

export type Matrix = FloatMatrix | PackedMatrix | BlockMatrix;

/** Row stride, in elements, of a buffer that receives `cols` outputs: kernels write whole panels. */
export function stride(cols: number): number {
  return panelCount(cols) * PANEL_ROWS;
}
