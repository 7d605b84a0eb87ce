// Matmul and embedding of panels of blocks: weights are computed exactly as f32, then multiplied as floats are (matmul-float.ts).
import { blockPanelBytes, widenBlocks } from "./block-weights";
import { addPiece, CODES, PIECE } from "../matmul/matmul-float";
import { clearRows, countOf, ENTRY_BYTES, outputOf, startOf, weightsOf } from "../matmul/table";

/** y = x · Wᵀ, blocks; arguments as in matmul-float.ts, with the sizes of codes, groups and blocks at the end; a unit is a panel. */
export function matmul_blocks(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, ldy: i32, ldx: i32, bits: i32, group: i32, block: i32): void {
  const yBytes = <usize>ldy << 2;
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const count = countOf(entry);
    if (count == 0) continue;
    const start = startOf(entry);
    for (let p = first; p < last; p++) {
      const panel = weightsOf(entry) + <usize>p * blockPanelBytes(k, bits, group, block);
      const y = outputOf(entry) + <usize>start * yBytes + (<usize>p << 6);
      clearRows(y, count, yBytes);
      for (let col = 0; col < k; col += PIECE) {
        const cols = min(PIECE, k - col);
        widenBlocks(scratch, scratch + CODES, panel, col, cols, bits, group, block);
        addPiece(y, yBytes, x + (<usize>col << 2), <usize>ldx << 2, index, start, count, scratch, cols);
      }
    }
  }
}

/** y[T,K] = rows ids[T] of panels of blocks; a unit is a token; scratch 2560 bytes. */
export function embed_blocks(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, ldy: i32, bits: i32, group: i32, block: i32): void {
  for (let t = first; t < last; t++) {
    const id = load<i32>(ids + (<usize>t << 2));
    const panel = weights + <usize>(id >> 4) * blockPanelBytes(k, bits, group, block);
    let to = y + (<usize>t * <usize>ldy << 2);
    for (let col = 0; col < k; col += 32) {
      widenBlocks(scratch, scratch + 2048, panel, col, 32, bits, group, block);
      for (let from = scratch + (<usize>(id & 15) << 2); from < scratch + 2048; from += 64) {
        store<f32>(to, load<f32>(from));
        to += 4;
      }
    }
  }
}
