// Integer matmuls: packed codes times quantised activation rows, for every matrix of a table; a unit is a panel.
//
// Arguments after the first three: table, entries, record, index, k, groupSize, actGroup, ldy, recordBytes, valuesOffset (that of the
// values in a record), zero (of all rows and groups; negative: each has its own) and flip (0, or for codes of 8 bits whose bytes count as
// signed: 128). actGroup divides groupSize, or groupSize is K; groupSize divides PIECE, or is K.
// y rows have room for 16 columns per panel: ldy >= 16 * panels. Scratch: 400 KiB.
import { Fours, isPairs, isWords, Pairs, valueBytes, W2, W3, W4, W8, Words } from "../common/bits";
import { splitChunk, unpackChunkOf } from "./codes";
import { matvecCodes, quadCodes } from "./matvec-codes";
import { groupBytes, headBytes, panelBytes } from "./panel";
import { laidBytes, layRows, tileRows } from "./row-tiles";
import { countOf, ENTRY_BYTES, outputOf, startOf, weightsOf } from "./table";
import { codeTile } from "./tile";

/** Bytes of unpacked codes that stay in the L1 cache: 1024 columns as bytes, 512 as 16-bit words. */
const PIECE_BYTES: usize = 16384;

/** Most rows that are laid out in tiles at a time. */
const MOST_ROWS: i32 = 120;

/** Offset in scratch of rows in tiles, after a piece, 512 bytes of unpacked codes or sums, and a tile of results. */
const TILES: usize = PIECE_BYTES + 512 + 384;

/** Panels that are read side by side. */
const STREAMS: i32 = 4;

/** Below this number of rows (bytes in pairs: one more), unpacking a panel costs more than tiles save. Each row then reads the packed panel, from the cache after the first. */
const FEW_ROWS: i32 = 5;

/** The same for 4-bit codes times bytes, where four rows at a time read the packed panel. */
const MANY_ROWS: i32 = 12;

/** So many rows beyond full tiles read the packed panels, too: another tile would cost more. One more where codes of 4 bits meet bytes in fours, and where bytes are in pairs. */
@inline function restRows<D>(): i32 { return isWords<D>() ? 2 : 3; }

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

/**
 * Adds one piece of a panel, unpacked at `scratch`, to the 16 columns at y of `count` rows, which are laid out at x in tiles of
 * `tileBytes`. The last tile may have fewer rows than a tile: its results are made beside y.
 */
function addPiece<D>(y: usize, yBytes: usize, x: usize, tileBytes: usize, count: i32, scratch: usize, head: usize, headStep: usize, cols: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32, pairs: bool): void {
  const beside = scratch + PIECE_BYTES + 512;
  for (; count > 0; count -= tileRows<D>(), x += tileBytes, y += <usize>tileRows<D>() * yBytes) {
    const part = count < tileRows<D>();
    const to = part ? beside : y;
    const toBytes: usize = part ? 64 : yBytes;
    if (part) copyRows(to, 64, y, yBytes, count);
    for (let half: usize = 0; half < 64; half += 32) {
      if (!isWords<D>() && pairs) codeTile<Pairs>(to + half, toBytes, x, scratch + PIECE_BYTES, scratch + half, head + (half >> 1), head + 32 + (half >> 2), headStep, cols, groupSize, actGroup, zero, flip, planes);
      else codeTile<D>(to + half, toBytes, x, scratch + PIECE_BYTES, scratch + half, head + (half >> 1), head + 32 + (half >> 2), headStep, cols, groupSize, actGroup, zero, flip, planes);
    }
    if (part) copyRows(y, yBytes, to, 64, count);
  }
}

/** Copies 16 columns of `count` rows. */
function copyRows(to: usize, toBytes: usize, from: usize, fromBytes: usize, count: i32): void {
  for (; count > 0; count--, to += toBytes, from += fromBytes) memory.copy(to, from, 64);
}

/** Multiplies many rows by panels: rows are laid out in tiles once for all panels, each piece of a panel is unpacked once for all of them. */
function multiplyTiles<D>(bits: i32, y: usize, yBytes: usize, scratch: usize, panel: usize, step: usize, panels: i32, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32, pairs: bool): void {
  const x = scratch + TILES;
  const piece = <i32>(PIECE_BYTES / 16) / valueBytes<D>();
  const headStep = groupBytes(bits, groupSize, zero);
  const factor = zero < 0 ? 1 : flip - zero;
  for (let t = 0; t < count; t += MOST_ROWS) {
    const rows = min(MOST_ROWS, count - t);
    for (let r = 0; r < rows; r++) memory.fill(y + <usize>r * yBytes, 0, <usize>panels << 6);
    for (let col = 0; col < k; col += piece) {
      const cols = min(piece, k - col);
      layRows<D>(x, record, recordBytes, index, start + t, rows, valuesOffset + <usize>(col * valueBytes<D>()), <usize>(col / actGroup * 8), cols, actGroup, factor, planes, <usize>k);
      const tileBytes = laidBytes<D>(cols, actGroup, planes);
      for (let p = 0; p < panels; p++) {
        const from = panel + <usize>p * step;
        unpackPiece<D>(bits, scratch, scratch + PIECE_BYTES, from, col, cols, groupSize, zero, flip);
        addPiece<D>(y + (<usize>p << 6), yBytes, x, tileBytes, rows, scratch, from + <usize>(col / groupSize) * headStep, headStep, cols, groupSize, actGroup, zero, flip, planes, pairs);
      }
    }
    y += <usize>rows * yBytes;
  }
}

/** Multiplies four rows, or three, by panels of 4-bit codes: they are laid out once for all panels, of which four are read side by side. */
function multiplyQuad<D>(y: usize, yBytes: usize, scratch: usize, panel: usize, step: usize, panels: i32, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, planes: i32): void {
  const x = scratch + TILES;
  for (let r = 0; r < count; r++) memory.fill(y + <usize>r * yBytes, 0, <usize>panels << 6);
  for (let col = 0; col < k; col += <i32>PIECE_BYTES / 16) {
    const cols = min(<i32>PIECE_BYTES / 16, k - col);
    layRows<D>(x, record, recordBytes, index, start, count, valuesOffset + <usize>col, <usize>(col / actGroup * 8), cols, actGroup, zero < 0 ? 1 : -zero, planes, <usize>k);
    const part = panels / STREAMS;
    for (let p = 0; p < part; p++) quadCodes(y + (<usize>p << 6), yBytes, <usize>part << 6, panel + <usize>p * step, <usize>part * step, STREAMS, x, count, col, cols, groupSize, actGroup, zero, planes);
    const read = part * STREAMS;
    quadCodes(y + (<usize>read << 6), yBytes, 64, panel + <usize>read * step, step, panels - read, x, count, col, cols, groupSize, actGroup, zero, planes);
  }
}

/** Multiplies a few rows by `streams` panels that are `panelStep` bytes apart; their results `yStep`. */
function multiplyFew<D>(bits: i32, y: usize, yBytes: usize, yStep: usize, panel: usize, panelStep: usize, streams: i32, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32): void {
  if (bits == 4) matvecCodes<W4, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
  else if (bits == 3) matvecCodes<W3, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
  else if (bits == 2) matvecCodes<W2, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
  else if (!isPairs<D>()) matvecCodes<W8, D>(y, yBytes, yStep, panel, panelStep, streams, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
}

/** Multiplies a few rows by all panels, of which four are read side by side. */
function multiplyRows<D>(bits: i32, y: usize, yBytes: usize, panel: usize, step: usize, panels: i32, record: usize, recordBytes: usize, index: usize, start: i32, count: i32, valuesOffset: usize, k: i32, groupSize: i32, actGroup: i32, zero: i32, flip: i32, planes: i32): void {
  const part = panels / STREAMS;
  for (let p = 0; p < part; p++) {
    multiplyFew<D>(bits, y, yBytes, <usize>part << 6, panel, <usize>part * step, STREAMS, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
    panel += step, y += 64;
  }
  panel += <usize>(part * (STREAMS - 1)) * step, y += <usize>(part * (STREAMS - 1)) << 6;
  const rest = panels - part * STREAMS;
  if (rest) multiplyFew<D>(bits, y, yBytes, 64, panel, step, rest, record, recordBytes, index, start, count, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
}

/** Multiplies all matrices of the table. */
function multiply<D>(bits: i32, first: i32, last: i32, scratch: usize, table: usize, entries: i32, record: usize, index: usize, k: i32, groupSize: i32, actGroup: i32, ldy: i32, recordBytes: i32, valuesOffset: usize, zero: i32, flip: i32, planes: i32, pairs: bool): void {
  const yBytes = <usize>ldy << 2;
  const panels = last - first;
  const quads = !isWords<D>() && bits == 4 && !pairs;
  const few = quads ? MANY_ROWS : FEW_ROWS + <i32>pairs;
  const step = panelBytes(bits, k, groupSize, zero);
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const start = startOf(entry);
    const count = countOf(entry);
    const y = outputOf(entry) + <usize>start * yBytes + (<usize>first << 6);
    const panel = weightsOf(entry) + <usize>first * step;
    const rest = count % tileRows<D>();
    let done = count < few ? 0 : rest <= restRows<D>() + <i32>(quads || pairs) ? count - rest : count;
    if (done > 0) multiplyTiles<D>(bits, y, yBytes, scratch, panel, step, panels, record, recordBytes, index, start, done, valuesOffset, k, groupSize, actGroup, zero, flip, planes, pairs);
    if (!isWords<D>() && quads) {
      for (; done + 2 < count; done += 4) multiplyQuad<D>(y + <usize>done * yBytes, yBytes, scratch, panel, step, panels, record, recordBytes, index, start + done, min(4, count - done), valuesOffset, k, groupSize, actGroup, zero, planes);
    }
    if (done >= count) continue;
    if (!isWords<D>() && pairs) multiplyRows<Pairs>(bits, y + <usize>done * yBytes, yBytes, panel, step, panels, record, recordBytes, index, start + done, count - done, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
    else multiplyRows<D>(bits, y + <usize>done * yBytes, yBytes, panel, step, panels, record, recordBytes, index, start + done, count - done, valuesOffset, k, groupSize, actGroup, zero, flip, planes);
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
