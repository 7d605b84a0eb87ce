// Matmuls and embedding of panels of blocks; a unit is a panel.
//
// With quantised rows, sums of integers are scaled group by group (block-dots.ts). With f32 rows, weights are computed as f32, exactly for the
// types of GGUF, and multiplied as floats are. The last two arguments are bits of a code and columns of a block. Scratch: 19 KiB.
import { splitChunk } from "../matmul/codes";
import { addPiece } from "../matmul/matmul-float";
import { clearRows, countOf, ENTRY_BYTES, outputOf, rowAt, startOf, weightsOf } from "../matmul/table";
import { groupOf, unpackCodes } from "./block-codes";
import { blockPanelBytes, codesAt, codeStep, expandHeads, RUN, widenBlocks } from "./block-panel";
import { matvecBlocks, matvecNibbles } from "./matvec-blocks";
import { tileBlocks } from "./tile-blocks";

/** Offsets in scratch after RUN columns as f32: expanded scales, then unpacked codes of 32 columns. */
const HEADS: usize = 16384;
const BYTES: usize = HEADS + 2048 + 128;

/** Below this number of rows, unpacking a panel costs more than tiles save. */
@inline function fewRows<V>(): i32 { return sizeof<V>() == 1 ? 8 : 12; }

/** Unpacks `cols` columns as bytes (V = i8) or as 16-bit words with even columns first (i16). */
function unpackRun<V>(out: usize, bytes: usize, from: usize, cols: i32, bits: i32, block: i32): void {
  let codes = from + codesAt(bits, block);
  for (let col = 0; col < cols; col += 32) {
    if (sizeof<V>() == 1) {
      unpackCodes(bits, out, codes);
      out += 512;
    } else {
      unpackCodes(bits, bytes, codes);
      splitChunk(out, bytes);
      out += 1024;
    }
    codes += codeStep(bits, block);
  }
}

/** Multiplies fours of rows by one panel: each run of it is unpacked once for all rows. */
function multiplyTiles<V>(y: usize, yBytes: usize, scratch: usize, panel: usize, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, bits: i32, block: i32): void {
  const group = groupOf(bits);
  clearRows(y, count, yBytes);
  for (let col = 0; col < k; col += RUN) {
    const cols = min(RUN, k - col);
    expandHeads(bits, scratch + HEADS, panel, cols, block);
    unpackRun<V>(scratch, scratch + BYTES, panel, cols, bits, block);
    const valuesAt = valuesOffset + <usize>col * sizeof<V>();
    const metaAt = <usize>(col / group * 8);
    let to = y;
    for (let t = start; t < start + count; t += 4) {
      const x0 = record + rowAt(index, t) * recordBytes, x1 = record + rowAt(index, t + 1) * recordBytes;
      const x2 = record + rowAt(index, t + 2) * recordBytes, x3 = record + rowAt(index, t + 3) * recordBytes;
      for (let half: usize = 0; half < 64; half += 32) {
        tileBlocks<V>(to + half, yBytes, x0 + valuesAt, x1 + valuesAt, x2 + valuesAt, x3 + valuesAt, x0 + metaAt, x1 + metaAt, x2 + metaAt, x3 + metaAt, scratch + half, scratch + HEADS + half, cols, group);
      }
      to += 4 * yBytes;
    }
    panel += blockPanelBytes(bits, cols, block);
  }
}

/** Multiplies quantised rows by all matrices of the table. Rows beyond the last full four go one by one. */
@inline function multiply<V>(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, bits: i32, block: i32): void {
  const yBytes = <usize>ldy << 2;
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const start = startOf(entry);
    const end = start + countOf(entry);
    if (start == end) continue;
    const tiled = end - start < fewRows<V>() ? 0 : (end - start) & ~3;
    for (let p = first; p < last; p++) {
      const panel = weightsOf(entry) + <usize>p * blockPanelBytes(bits, k, block);
      const y = outputOf(entry) + (<usize>p << 6);
      if (tiled > 0) multiplyTiles<V>(y + <usize>start * yBytes, yBytes, scratch, panel, record, recordBytes, index, start, tiled, valuesOffset, k, bits, block);
      for (let t = start + tiled; t < end; t++) {
        const x = record + rowAt(index, t) * <usize>recordBytes;
        const to = y + <usize>t * yBytes;
        if (sizeof<V>() == 1 && bits == 4) matvecNibbles(to, scratch, panel, x + valuesOffset, x, k, block);
        else matvecBlocks<V>(to, scratch, scratch + BYTES, panel, x + valuesOffset, x, k, bits, block);
      }
    }
  }
}

/** y = x · Wᵀ, f32 rows; arguments as in matmul-float.ts, without a group size. */
export function matmul_blocks(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, ldy: i32, ldx: i32, bits: i32, block: i32): void {
  const yBytes = <usize>ldy << 2;
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const count = countOf(entry);
    if (count == 0) continue;
    const start = startOf(entry);
    for (let p = first; p < last; p++) {
      let panel = weightsOf(entry) + <usize>p * blockPanelBytes(bits, k, block);
      const y = outputOf(entry) + <usize>start * yBytes + (<usize>p << 6);
      clearRows(y, count, yBytes);
      for (let col = 0; col < k; col += RUN) {
        const cols = min(RUN, k - col);
        widenBlocks(bits, scratch, scratch + HEADS, scratch + BYTES, panel, cols, block);
        addPiece(y, yBytes, x + (<usize>col << 2), <usize>ldx << 2, index, start, count, scratch, cols);
        panel += blockPanelBytes(bits, cols, block);
      }
    }
  }
}

/** y = x · Wᵀ, the narrow part of int8 activations in groups of the weights; only in the relaxed build. */
export function matmul_blocks_a8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, bits: i32, block: i32): void {
  multiply<i8>(first, last, scratch, table, entries, record, index, k, ldy, recordBytes, valuesOffset, bits, block);
}

/** y = x · Wᵀ, the wide part of int8 or int16 activations in groups of the weights. */
export function matmul_blocks_a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, bits: i32, block: i32): void {
  multiply<i16>(first, last, scratch, table, entries, record, index, k, ldy, recordBytes, valuesOffset, bits, block);
}

/** y[T,K] = rows ids[T] of panels of blocks; a unit is a token. */
export function embed_blocks(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, ldy: i32, bits: i32, block: i32): void {
  for (let t = first; t < last; t++) {
    const id = load<i32>(ids + (<usize>t << 2));
    let panel = weights + <usize>(id >> 4) * blockPanelBytes(bits, k, block);
    let to = y + (<usize>t * <usize>ldy << 2);
    for (let col = 0; col < k; col += RUN) {
      const cols = min(RUN, k - col);
      widenBlocks(bits, scratch, scratch + HEADS, scratch + BYTES, panel, cols, block);
      for (let from = scratch + (<usize>(id & 15) << 2), end = scratch + (<usize>cols << 6); from < end; from += 64) {
        store<f32>(to, load<f32>(from));
        to += 4;
      }
      panel += blockPanelBytes(bits, cols, block);
    }
  }
}
