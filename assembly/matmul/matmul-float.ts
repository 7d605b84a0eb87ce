// Float matmuls: f32 activation rows times float panels, or packed panels dequantised exactly; a unit is a panel.
//
// Arguments after the first three: table, entries, x, index, k, groupSize (float panels ignore it), ldy, ldx. Float panels take any
// K; packed ones as in matmul-codes.ts. y rows have room for 16 columns per panel: ldy >= 16 * panels. Scratch: 17 KiB.
import { BF16, bytesOf, F16, F32, isPacked, W2, W3, W4, W8 } from "../common/bits";
import { widenPiece } from "./float-weights";
import { panelBytes } from "./panel";
import { clearRows, countOf, ENTRY_BYTES, outputOf, rowAt, startOf, weightsOf } from "./table";
import { tile } from "./tile";
import { vectorFloat } from "./matvec-float";

/** Columns of a panel that stay in the L1 cache as f32: 16 KiB. */
export const PIECE: i32 = 256;

/** Columns that are summed from zero before they are added to y (docs/kernels.md): the float order. */
const CHUNK: i32 = 32;

/** Offset in scratch, after a piece, of 512 bytes of unpacked codes. */
export const CODES: usize = 16384;

/** Adds one piece of a panel to the 16 columns at y of `count` rows. Rows beyond the last full four go one by one. */
export function addPiece(y: usize, yBytes: usize, x: usize, xBytes: usize, index: usize, start: i32, count: i32, w: usize, cols: i32): void {
  const end = start + count;
  let t = start;
  for (; t + 4 <= end; t += 4) {
    const x0 = x + rowAt(index, t) * xBytes;
    const x1 = x + rowAt(index, t + 1) * xBytes;
    const x2 = x + rowAt(index, t + 2) * xBytes;
    const x3 = x + rowAt(index, t + 3) * xBytes;
    tile<f32>(y, yBytes, x0, x1, x2, x3, 0, 0, 0, 0, 0, w, 0, 0, cols, cols, CHUNK);
    tile<f32>(y + 32, yBytes, x0, x1, x2, x3, 0, 0, 0, 0, 0, w + 32, 0, 0, cols, cols, CHUNK);
    y += 4 * yBytes;
  }
  for (; t < end; t++) {
    vectorFloat<F32>(y, x + rowAt(index, t) * xBytes, w, cols);
    y += yBytes;
  }
}

/** Computes the 16 columns at y of `count` rows. */
function multiplyPanel<S>(y: usize, yBytes: usize, scratch: usize, panel: usize, x: usize, xBytes: usize, index: usize, start: i32, count: i32, k: i32, groupSize: i32): void {
  clearRows(y, count, yBytes);
  if (!isPacked<S>() && count == 1) return vectorFloat<S>(y, x + rowAt(index, start) * xBytes, panel, k);
  for (let col = 0; col < k; col += PIECE) {
    const cols = min(PIECE, k - col);
    let w = scratch;
    if (bytesOf<S>() == 4) w = panel + (<usize>col << 6);
    else widenPiece<S>(scratch, scratch + CODES, panel, col, cols, groupSize);
    addPiece(y, yBytes, x + (<usize>col << 2), xBytes, index, start, count, w, cols);
  }
}

/** Multiplies all matrices of the table. */
function multiply<S>(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  const yBytes = <usize>ldy << 2;
  const panelStep = isPacked<S>() ? panelBytes<S>(k, groupSize) : <usize>k * 16 * bytesOf<S>();
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const count = countOf(entry);
    if (count == 0) continue;
    const start = startOf(entry);
    for (let p = first; p < last; p++) {
      const panel = weightsOf(entry) + <usize>p * panelStep;
      const y = outputOf(entry) + <usize>start * yBytes + (<usize>p << 6);
      multiplyPanel<S>(y, yBytes, scratch, panel, x, <usize>ldx << 2, index, start, count, k, groupSize);
    }
  }
}

/** y = x · Wᵀ, f32 panels. */
export function matmul_f32(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  multiply<F32>(first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx);
}
/** y = x · Wᵀ, f16 panels. */
export function matmul_f16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  multiply<F16>(first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx);
}
/** y = x · Wᵀ, bf16 panels. */
export function matmul_bf16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  multiply<BF16>(first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx);
}
/** y = x · Wᵀ, 2-bit codes, dequantised. */
export function matmul_w2(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  multiply<W2>(first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx);
}
/** y = x · Wᵀ, 3-bit codes, dequantised. */
export function matmul_w3(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  multiply<W3>(first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx);
}
/** y = x · Wᵀ, 4-bit codes, dequantised. */
export function matmul_w4(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  multiply<W4>(first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx);
}
/** y = x · Wᵀ, 8-bit codes, dequantised. */
export function matmul_w8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32): void {
  multiply<W8>(first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx);
}
