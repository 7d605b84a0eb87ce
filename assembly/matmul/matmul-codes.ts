// Integer matmuls: packed codes times quantised activation rows, for every matrix of a table; a unit is a panel.
//
// Arguments after the first three: table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset (that of the
// values in a record), zero (of all rows and groups; negative: each has its own) and flip (0, or for codes of 8 bits whose bytes count as
// signed: 128). actGroup divides groupSize, or groupSize is K; groupSize divides PIECE, or is K.
// y rows have room for 16 columns per panel: ldy >= 16 * panels. Scratch: 17 KiB.
import { Fours, isWords, Pairs, valueBytes, W2, W3, W4, W8, Words } from "../common/bits";
import { splitChunk, unpackChunkOf } from "./codes";
import { matvecCodes } from "./matvec-codes";
import { groupBytes, headBytes, panelBytes } from "./panel";
import { clearRows, countOf, ENTRY_BYTES, outputOf, rowAt, startOf, weightsOf } from "./table";
import { codeTile } from "./tile";

/** Bytes of unpacked codes that stay in the L1 cache: 1024 columns as bytes, 512 as 16-bit words. */
const PIECE_BYTES: usize = 16384;

/** Panels that are read side by side. */
const STREAMS: i32 = 4;

/** Below this number of rows, unpacking a panel costs more than tiles save. Each row then reads the packed panel, from the cache after the first. */
@inline function fewRows<D>(): i32 { return isWords<D>() ? 12 : 7; }

/** Unpacks `cols` columns of a panel, starting at column `from`, as bytes or as 16-bit words with even columns first. */
function unpackPiece<D>(bits: i32, codes: usize, bytes: usize, panel: usize, from: i32, cols: i32, groupSize: i32, zero: i32, flip: i32): void {
  const flips = i8x16.splat(<i8>flip);
  const end = from + cols;
  for (let col = from; col < end; col += 32) {
    const group = col / groupSize;
    const packed = panel + <usize>group * groupBytes(bits, groupSize, zero) + headBytes(zero) + <usize>(2 * (col - group * groupSize) * bits);
    if (!isWords<D>()) {
      unpackChunkOf(bits, codes, packed);
      if (flip) {
        for (let i: usize = 0; i < 512; i += 16) v128.store(codes + i, v128.xor(v128.load(codes + i), flips));
      }
      codes += 512;
    } else {
      unpackChunkOf(bits, bytes, packed);
      splitChunk(codes, bytes);
      codes += 1024;
    }
  }
}

/** Adds one piece of a panel, unpacked at `scratch`, to the 16 columns at y of `count` rows, which is a multiple of four. */
function addPiece<D>(y: usize, yBytes: usize, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesAt: usize, metaAt: usize, scratch: usize, head: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32, planeStep: usize, pairs: bool): void {
  for (let t = start; t < start + count; t += 4) {
    const x0 = record + rowAt(index, t) * recordBytes;
    const x1 = record + rowAt(index, t + 1) * recordBytes;
    const x2 = record + rowAt(index, t + 2) * recordBytes;
    const x3 = record + rowAt(index, t + 3) * recordBytes;
    for (let half: usize = 0; half < 64; half += 32) {
      const to = y + half;
      if (!isWords<D>() && pairs) codeTile<Pairs>(to, yBytes, x0 + valuesAt, x1 + valuesAt, x2 + valuesAt, x3 + valuesAt, x0 + metaAt, x1 + metaAt, x2 + metaAt, x3 + metaAt, scratch + PIECE_BYTES, scratch + half, head + (half >> 1), head + 32 + (half >> 2), headStep, cols, groupSize, actGroup, zero, flip, planes, planeStep);
      else codeTile<D>(to, yBytes, x0 + valuesAt, x1 + valuesAt, x2 + valuesAt, x3 + valuesAt, x0 + metaAt, x1 + metaAt, x2 + metaAt, x3 + metaAt, scratch + PIECE_BYTES, scratch + half, head + (half >> 1), head + 32 + (half >> 2), headStep, cols, groupSize, actGroup, zero, flip, planes, planeStep);
    }
    y += 4 * yBytes;
  }
}

/** Multiplies many rows by one panel: each piece of it is unpacked once for all rows. */
function multiplyTiles<D>(bits: i32, y: usize, yBytes: usize, scratch: usize, panel: usize, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32, pairs: bool): void {
  clearRows(y, count, yBytes);
  const piece = <i32>(PIECE_BYTES / 16) / valueBytes<D>();
  for (let col = 0; col < k; col += piece) {
    const cols = min(piece, k - col);
    unpackPiece<D>(bits, scratch, scratch + PIECE_BYTES, panel, col, cols, groupSize, zero, flip);
    const headStep = groupBytes(bits, groupSize, zero);
    const head = panel + <usize>(col / groupSize) * headStep;
    const valuesAt = valuesOffset + <usize>(col * valueBytes<D>());
    addPiece<D>(y, yBytes, record, recordBytes, index, start, count, valuesAt, <usize>(col / actGroup * 8), scratch, head, headStep, cols, groupSize, actGroup, zero, flip, planes, <usize>k, pairs);
  }
}

/** Multiplies a few rows by `streams` panels that are `panelStep` bytes apart; their results `yStep`. */
function multiplyFew<D>(bits: i32, y: usize, yBytes: usize, yStep: usize, panel: usize, panelStep: usize, streams: i32, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32): void {
  if (bits == 4) matvecCodes<W4, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
  else if (bits == 3) matvecCodes<W3, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
  else if (bits == 2) matvecCodes<W2, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
  else matvecCodes<W8, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
}

/** Multiplies all matrices of the table. */
function multiply<D>(bits: i32, first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32, planes: i32, pairs: bool): void {
  const yBytes = <usize>ldy << 2;
  const step = panelBytes(bits, k, groupSize, zero);
  const part = (last - first) / STREAMS;
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const start = startOf(entry);
    const count = countOf(entry);
    if (count == 0) continue;
    let y = outputOf(entry) + <usize>start * yBytes + (<usize>first << 6);
    let panel = weightsOf(entry) + <usize>first * step;
    if (count < fewRows<D>()) {
      for (let p = 0; p < part; p++) {
        multiplyFew<D>(bits, y, yBytes, <usize>part << 6, panel, <usize>part * step, STREAMS, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
        panel += step, y += 64;
      }
      panel += <usize>(part * (STREAMS - 1)) * step, y += <usize>(part * (STREAMS - 1)) << 6;
      const rest = last - first - part * STREAMS;
      if (rest) multiplyFew<D>(bits, y, yBytes, 64, panel, step, rest, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
    } else {
      const tiled = count & ~3;
      for (let p = first; p < last; p++) {
        multiplyTiles<D>(bits, y, yBytes, scratch, panel, record, recordBytes, index, start, tiled, valuesOffset, k, groupSize, actGroup, zero, flip, planes, pairs);
        if (tiled < count) multiplyFew<D>(bits, y + <usize>tiled * yBytes, yBytes, 64, panel, step, 1, record, recordBytes, index, start + tiled, count - tiled, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
        panel += step, y += 64;
      }
    }
  }
}

/** y = x · Wᵀ, 2-bit codes, int8 activations; only the relaxed build has it. */
export function matmul_w2a8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(2, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, 0, 1, true);
}
/** y = x · Wᵀ, 3-bit codes, int8 activations; only the relaxed build has it. */
export function matmul_w3a8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(3, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, 0, 1, true);
}
/** y = x · Wᵀ, 4-bit codes, int8 activations; only the relaxed build has it. */
export function matmul_w4a8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(4, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, 0, 1, true);
}
/** y = x · Wᵀ, 2-bit codes, the 16-bit words of int8 or int16 activations. */
export function matmul_w2a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Words>(2, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, 0, 1, false);
}
/** y = x · Wᵀ, 3-bit codes, the 16-bit words of int8 or int16 activations. */
export function matmul_w3a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Words>(3, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, 0, 1, false);
}
/** y = x · Wᵀ, 4-bit codes, the 16-bit words of int8 or int16 activations. */
export function matmul_w4a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Words>(4, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, 0, 1, false);
}
/** y = x · Wᵀ, 8-bit codes, the 16-bit words of int8 or int16 activations. */
export function matmul_w8a16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Words>(8, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, 0, 1, false);
}
/** y = x · Wᵀ, 2-bit codes, int8 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w2a8_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(2, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 1, false);
}
/** y = x · Wᵀ, 3-bit codes, int8 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w3a8_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(3, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 1, false);
}
/** y = x · Wᵀ, 4-bit codes, int8 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w4a8_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(4, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 1, false);
}
/** y = x · Wᵀ, 8-bit codes, int8 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w8a8_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(8, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 1, false);
}
/** y = x · Wᵀ, 2-bit codes, the two planes of int16 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w2a16_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(2, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 2, false);
}
/** y = x · Wᵀ, 3-bit codes, the two planes of int16 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w3a16_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(3, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 2, false);
}
/** y = x · Wᵀ, 4-bit codes, the two planes of int16 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w4a16_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(4, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 2, false);
}
/** y = x · Wᵀ, 8-bit codes, the two planes of int16 activations, by dot products of four bytes; only the relaxed build has it. */
export function matmul_w8a16_dot(first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32): void {
  multiply<Fours>(8, first, last, scratch, table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset, zero, flip, 2, false);
}
