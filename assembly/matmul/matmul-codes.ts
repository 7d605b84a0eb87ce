// Integer matmuls: packed codes times quantised activation rows, for every matrix of a table; a unit is a panel.
//
// Arguments after the first three: table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset (the
// wide or narrow part in a record). actGroup divides groupSize, or groupSize is K; groupSize divides PIECE, or is K.
// y rows have room for 16 columns per panel: ldy >= 16 * panels. Scratch: 17 KiB.
import { bitsOf, W2, W3, W4, W8 } from "../common/bits";
import { unpackChunk } from "./codes";
import { WORDS_00FF } from "../common/constants";
import { matvecNarrow, matvecWide } from "./matvec-codes";
import { GROUP_HEAD, groupBytes, panelBytes } from "./panel";
import { clearRows, countOf, ENTRY_BYTES, outputOf, rowAt, startOf, weightsOf } from "./table";
import { tile } from "./tile";

/** Bytes of unpacked codes that stay in the L1 cache: 1024 columns as bytes, 512 as 16-bit words. */
const PIECE_BYTES: usize = 16384;

/** Below this number of rows, unpacking a panel costs more than tiles save. Each row then reads the packed panel, from the cache after the first. */
@inline function fewRows<V>(): i32 { return sizeof<V>() == 1 ? 8 : 12; }

/** Unpacks `cols` columns of a panel, starting at column `from`, as bytes (V = i8) or as 16-bit words with even columns first (i16). */
function unpackPiece<W, V>(codes: usize, bytes: usize, panel: usize, from: i32, cols: i32, groupSize: i32): void {
  const low = v128.load(WORDS_00FF);
  const end = from + cols;
  for (let col = from; col < end; col += 32) {
    const group = col / groupSize;
    const packed = panel + <usize>group * groupBytes<W>(groupSize) + GROUP_HEAD + <usize>(2 * (col - group * groupSize) * bitsOf<W>());
    if (sizeof<V>() == 1) {
      unpackChunk<W>(codes, packed);
      codes += 512;
    } else {
      unpackChunk<W>(bytes, packed);
      for (let i: usize = 0; i < 512; i += 64) {
        for (let r: usize = 0; r < 64; r += 16) {
          const v = v128.load(bytes + i + r);
          v128.store(codes + r, v128.and(v, low));
          v128.store(codes + r, i16x8.shr_u(v, 8), 64);
        }
        codes += 128;
      }
    }
  }
}

/** Adds one piece of a panel, unpacked at `codes`, to the 16 columns at y of `count` rows, which is a multiple of four. */
function addPiece<V>(y: usize, yBytes: usize, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesAt: usize, metaAt: usize, sums: usize, codes: usize, head: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32): void {
  for (let t = start; t < start + count; t += 4) {
    const x0 = record + rowAt(index, t) * recordBytes;
    const x1 = record + rowAt(index, t + 1) * recordBytes;
    const x2 = record + rowAt(index, t + 2) * recordBytes;
    const x3 = record + rowAt(index, t + 3) * recordBytes;
    for (let half: usize = 0; half < 64; half += 32) {
      tile<V>(y + half, yBytes, x0 + valuesAt, x1 + valuesAt, x2 + valuesAt, x3 + valuesAt, x0 + metaAt, x1 + metaAt, x2 + metaAt, x3 + metaAt, sums, codes + half, head + half, headStep, cols, groupSize, actGroup);
    }
    y += 4 * yBytes;
  }
}

/** Multiplies fours of rows by one panel: each piece of it is unpacked once for all rows. */
function multiplyTiles<W, V>(y: usize, yBytes: usize, scratch: usize, panel: usize, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32): void {
  clearRows(y, count, yBytes);
  const piece = <i32>(PIECE_BYTES / 16 / sizeof<V>());
  for (let col = 0; col < k; col += piece) {
    const cols = min(piece, k - col);
    unpackPiece<W, V>(scratch, scratch + PIECE_BYTES, panel, col, cols, groupSize);
    const head = panel + <usize>(col / groupSize) * groupBytes<W>(groupSize);
    const valuesAt = valuesOffset + <usize>col * sizeof<V>();
    const metaAt = <usize>(col / actGroup * 8);
    addPiece<V>(y, yBytes, record, recordBytes, index, start, count, valuesAt, metaAt, scratch + PIECE_BYTES, scratch, head, groupBytes<W>(groupSize), cols, groupSize, actGroup);
  }
}

/** Multiplies all matrices of the table. V is the type of the activations' values. Rows beyond the last full four go one by one. */
function multiply<W, V>(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  const yBytes = <usize>ldy << 2;
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const start = startOf(entry);
    const end = start + countOf(entry);
    if (start == end) continue;
    const tiled = end - start < fewRows<V>() ? 0 : (end - start) & ~3;
    for (let p = first; p < last; p++) {
      const panel = weightsOf(entry) + <usize>p * panelBytes<W>(k, groupSize);
      const y = outputOf(entry) + (<usize>p << 6);
      if (tiled > 0) multiplyTiles<W, V>(y + <usize>start * yBytes, yBytes, scratch, panel, record, recordBytes, index, start, tiled, valuesOffset, k, groupSize, actGroup);
      for (let t = start + tiled; t < end; t++) {
        const x = record + rowAt(index, t) * <usize>recordBytes;
        if (sizeof<V>() == 1) matvecNarrow<W>(y + <usize>t * yBytes, panel, x, valuesOffset, k, groupSize, actGroup);
        else matvecWide<W>(y + <usize>t * yBytes, panel, x, valuesOffset, k, groupSize, actGroup);
      }
    }
  }
}

/** y = x · Wᵀ, 2-bit codes, int8 activations. `valuesOffset` is that of the narrow part. Only the relaxed build has it. */
export function matmul_w2a8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  multiply<W2, i8>(first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset);
}
/** y = x · Wᵀ, 3-bit codes, int8 activations. `valuesOffset` is that of the narrow part. Only the relaxed build has it. */
export function matmul_w3a8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  multiply<W3, i8>(first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset);
}
/** y = x · Wᵀ, 4-bit codes, int8 activations. `valuesOffset` is that of the narrow part. Only the relaxed build has it. */
export function matmul_w4a8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  multiply<W4, i8>(first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset);
}
/** y = x · Wᵀ, 2-bit codes, the wide part of int8 or int16 activations. */
export function matmul_w2a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  multiply<W2, i16>(first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset);
}
/** y = x · Wᵀ, 3-bit codes, the wide part of int8 or int16 activations. */
export function matmul_w3a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  multiply<W3, i16>(first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset);
}
/** y = x · Wᵀ, 4-bit codes, the wide part of int8 or int16 activations. */
export function matmul_w4a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  multiply<W4, i16>(first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset);
}
/** y = x · Wᵀ, 8-bit codes, the wide part of int8 or int16 activations. */
export function matmul_w8a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize): void {
  multiply<W8, i16>(first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset);
}
