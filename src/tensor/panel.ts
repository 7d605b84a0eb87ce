/** Computes sizes of weights in panels of 16 rows and of quantised activation rows. Twin of assembly/matmul/panel.ts; layouts: docs/kernels.md. */

/** The type of a linear's weights in memory. */
export type WeightType = "f32" | "f16" | "bf16" | "w2" | "w3" | "w4" | "w8";

/** Version of the layouts of panels, all types together. It rises when one of them changes, since bundles hold panels as they are. */
export const PANEL_VERSION = 1;

/** Rows of a panel. */
export const PANEL_ROWS = 16;

/** Instead of the zero of a packed matrix: each row and group has its own, in the panels. */
export const OWN_ZEROS = -1;

/** Bytes before the codes of a packed group: 16 scales in f16, and 16 zeros of a byte unless all rows and groups share one. */
function headBytes(zero: number): number {
  return zero === OWN_ZEROS ? 48 : 32;
}

/** Scratch that every matmul kernel may use, in bytes for each thread. */
export const MATMUL_SCRATCH_BYTES: number = 400 << 10;

/** Bits of a weight, not counting scales and zeros. */
export function bitsOf(type: WeightType): number {
  if (type === "f32") return 32;
  if (type === "f16" || type === "bf16") return 16;
  return Number(type.slice(1));
}

/** Whether weights are codes with a grid, not floats. */
export function isPacked(type: WeightType): boolean {
  return bitsOf(type) < 16;
}

/** Number of panels for `rows` rows; the last may be padded. */
export function panelCount(rows: number): number {
  return Math.ceil(rows / PANEL_ROWS);
}

/** Form of a packed matrix: columns of a group (default: all), and the zero of all rows and groups (default: `OWN_ZEROS`). */
export interface GroupForm {
  readonly groupSize?: number;
  readonly zero?: number;
}

/**
 * Bytes of a linear [rows, cols] in panels.
 *
 * Packed: cols % 32 == 0 and cols % groupSize == 0; bits per weight are `bits + 16 / groupSize`, with zeros of rows `bits + 24 / groupSize`
 * (plus padding rows).
 */
export function panelBytes(
  type: WeightType,
  rows: number,
  cols: number,
  { groupSize = cols, zero = OWN_ZEROS }: GroupForm = {},
): number {
  const codes = 2 * cols * bitsOf(type);
  return panelCount(rows) * (isPacked(type) ? (cols / groupSize) * headBytes(zero) + codes : codes);
}

/**
 * Bytes of a linear [rows, cols] in panels of blocks: for each row 4 bytes a block, the codes, and in blocks of 256 columns 2 bytes a group (1
 * byte at 6 bits). Twin of assembly/blocks/block-panel.ts; cols % blockSize == 0.
 */
export function blockPanelBytes(
  { bits, groupSize, blockSize }: { readonly bits: number; readonly groupSize: number; readonly blockSize: number },
  rows: number,
  cols: number,
): number {
  const factors = blockSize === groupSize ? 0 : (cols / groupSize) * (bits === 6 ? 1 : 2);
  return panelCount(rows) * PANEL_ROWS * ((4 * cols) / blockSize + factors + (cols * bits) / 8);
}

/** Offsets in bytes of the parts of a quantised row ("record"). */
export interface RecordLayout {
  readonly recordBytes: number;
  /** For each group: f32 scale * 2^112, i32 sum of the codes. */
  readonly metaOffset: number;
  /** K int16 codes, each four columns in the order 0, 2, 1, 3. */
  readonly wideOffset: number;
  /** K int8 codes, or the upper and then the lower bytes of K int16 codes; the offset is 0 if the record does not have them. */
  readonly narrowOffset: number;
}

const align16 = (bytes: number) => Math.ceil(bytes / 16) * 16;

/** Layout of a row of `k` columns quantised in groups of `actGroup`; k and actGroup are multiples of 32. The narrow part has so many `planes` of k bytes. */
export function recordLayout(k: number, actGroup: number, planes: 0 | 1 | 2): RecordLayout {
  const wideOffset = align16(8 * Math.ceil(k / actGroup));
  const wideEnd = wideOffset + 2 * k;
  return {
    recordBytes: wideEnd + planes * k,
    metaOffset: 0,
    wideOffset,
    narrowOffset: planes > 0 ? wideEnd : 0,
  };
}
