/** The grid of a group of weights: its options, its groups, and their encoding for the kernels (assembly/gptq/grid.ts). */
import { NumericsError, UsageError } from "../base/errors.ts";
import type { KnownOptions } from "../base/known-options.ts";
import type { Bits } from "../tensor/linear-shape.ts";
import type { QuantizedMatrix } from "../tensor/quantized-matrix.ts";

/** The values that weights may take: bits, columns of a group, zero points, and the search for the range. */
export interface GridOptions {
  readonly bits: Bits;
  /** Columns that share a scale and a zero; -1 is the whole row. A last group may be short. */
  readonly groupSize: number;
  readonly symmetric: boolean;
  /** Search for a smaller range that minimises the sum of |q - x|^2.4 (`mse`) or of H_jj (q - x)^2 (`hessian`). */
  readonly clip: "none" | "mse" | "hessian";
  /** Type in which scales are stored. They are rounded to it before any use. */
  readonly scaleRounding: "f16" | "f32";
  /** Name of the matrix, for errors. */
  readonly name?: string;
}

/** The known options of a grid. */
export const GRID_OPTIONS: KnownOptions<GridOptions> = {
  ...{ bits: true, groupSize: true, symmetric: true, clip: true, scaleRounding: true, name: true },
};

/** Picks the grid from options that contain more. */
export function gridOf({ bits, groupSize, symmetric, clip, scaleRounding, name }: GridOptions): GridOptions {
  return { bits, groupSize, symmetric, clip, scaleRounding, name };
}

/** Rows of a tile, and bytes of one of its columns. Twins of assembly/gptq. */
export const TILE_ROWS = 16;
export const TILE_STEP = 128;

const DYNAMIC = 256;
const CLIPS = ["none", "mse", "hessian"] as const;

/** @throws UsageError for invalid options. */
export function checkGrid(options: GridOptions): void {
  const { bits, groupSize, clip, scaleRounding, symmetric } = options;
  if (![2, 3, 4, 8].includes(bits)) throw new UsageError("bits", String(bits), "2, 3, 4 or 8");
  if (groupSize !== -1 && !(Number.isInteger(groupSize) && groupSize > 0))
    throw new UsageError("groupSize", String(groupSize), "a positive integer, or -1 for the whole row");
  if (typeof symmetric !== "boolean") throw new UsageError("symmetric", String(symmetric), "true or false");
  if (!CLIPS.includes(clip)) throw new UsageError("clip", String(clip), CLIPS.join(", "));
  if (scaleRounding !== "f16" && scaleRounding !== "f32")
    throw new UsageError("scaleRounding", String(scaleRounding), "f16 or f32");
}

/** The largest and the smallest f16; kernels keep scales between them. */
const LARGEST_SCALE = 65504;
const SMALLEST_SCALE = 2 ** -24;

/** Index of a scale that f16 cannot hold, or -1. Codes of its group would lie at both ends of the grid. */
export function beyondF16(matrix: QuantizedMatrix, { scaleRounding }: GridOptions): number {
  return scaleRounding === "f16" ? matrix.scales.indexOf(LARGEST_SCALE) : -1;
}

/** @throws NumericsError for weights that f16 scales cannot represent: a group that is too large, or a matrix so small that it becomes 0. */
export function checkScales(matrix: QuantizedMatrix, options: GridOptions): void {
  const { name = "weights" } = options;
  const { groups, bits } = matrix;
  const remedy = "leave this linear float (16 bits), or scale the model's weights";
  const place = beyondF16(matrix, options);
  if (place >= 0)
    throw new NumericsError(
      name,
      `found weights that need a scale of ${LARGEST_SCALE} or more at ${bits} bits (row ${Math.floor(place / groups)}, group ${place % groups}), expected less, which f16 holds; give it more bits, ${remedy}`,
    );
  if (options.scaleRounding === "f16" && isLost(matrix))
    throw new NumericsError(
      name,
      `found weights that all round to 0, since the smallest scale that f16 holds is ${SMALLEST_SCALE}, expected larger ones; ${remedy}`,
    );
}

/** Whether all codes of a matrix of tiny weights stand for 0. A matrix of zeros has larger scales. */
function isLost({ cols, groups, codes, scales, zeros, gIdx }: QuantizedMatrix): boolean {
  if (!scales.every((scale) => scale === SMALLEST_SCALE)) return false;
  return codes.every((code, at) => code === zeros[Math.floor(at / cols) * groups + gIdx[at % cols]]);
}

/** The options as one word. `dynamic`: grids are found when the column loop reaches a group. */
export function gridFlags(options: GridOptions, dynamic: boolean): number {
  return (
    options.bits |
    (options.symmetric ? 16 : 0) |
    (CLIPS.indexOf(options.clip) << 5) |
    (options.scaleRounding === "f32" ? 128 : 0) |
    (dynamic ? DYNAMIC : 0)
  );
}

/** Approximate multiply-adds for finding the grids of one column of a tile. */
export function gridWork(options: GridOptions): number {
  return TILE_ROWS * (options.clip === "none" ? 1 : options.clip === "mse" ? 150 : 100);
}

/** [column, group] of each column in processing order, as kernels expect them. */
export function columnWords(perm: Int32Array, gIdx: Int32Array): Int32Array {
  const words = new Int32Array(2 * perm.length);
  perm.forEach((col, i) => {
    words[2 * i] = col;
    words[2 * i + 1] = gIdx[col];
  });
  return words;
}
