// Float matmuls: f32 activation rows times float panels, or packed panels dequantised exactly; a unit is a panel.
//
// Arguments after the first three: table, entries, x, index, k, groupSize, ldy, ldx, and the zero of all rows (negative: each has its own); float panels ignore groupSize and zero. Float panels take any
// K; packed ones as in matmul-codes.ts. y rows have room for 16 columns per panel: ldy >= 16 * panels. Scratch: 17 KiB.
import { BF16, bytesOf, F16, F32 } from "../common/bits";
import { F32_2P112 } from "../common/constants";
import { evensOf, halfBits, oddsOf, widenCodes, widenFloats } from "./float-weights";
import { panelBytes } from "./panel";
import { clearRows, countOf, ENTRY_BYTES, outputOf, rowAt, startOf, weightsOf } from "./table";

/** Columns of a panel that stay in the L1 cache as f32: 16 KiB. */
export const PIECE: i32 = 256;

/** Columns of a piece for fewer rows, whose products take so little time that the next columns should be on their way from memory meanwhile. */
const SHORT_PIECE: i32 = 64;
const SOME_ROWS: i32 = 32;

/** Bytes of rows of input and output that meet all panels before the next rows do: they stay in the L2 cache. */
const BLOCK_BYTES: usize = 1 << 19;
/** Fewest rows of such a block: each of them widens the weights again. */
const BLOCK_ROWS: i32 = 64;

/** Offset in scratch, after a piece, of 512 bytes of unpacked codes. */
export const CODES: usize = 16384;

/** Columns that are summed from zero before they are added to y (docs/kernels.md): the float order. */
const CHUNK: usize = 32;

/** Panels that are read side by side. */
const STREAMS: i32 = 4;

// Kinds of weights: the bits of a code, or one of these. The loops over floats are compiled for each kind; what is around them is not.
const KIND_F16: i32 = 16;
const KIND_BF16: i32 = 17;
const KIND_F32: i32 = 32;

@inline function addProduct(sum: v128, x: v128, w: v128): v128 { return f32x4.add(sum, f32x4.mul(x, w)); }

/**
 * y[streams panels] += one row times `cols` columns of panels that are `wStep` bytes apart; their results `yStep`. The order is that of
 * docs/kernels.md: sums of 32 columns, each from zero, are added to y.
 */
function vectorFloat<S>(y: usize, yStep: usize, x: usize, w: usize, wStep: usize, streams: i32, cols: i32): void {
  const step = <usize>(16 * bytesOf<S>());
  const end = x + (<usize>cols << 2);
  const bits = halfBits<S>(), factor = v128.load(F32_2P112);
  while (x < end) {
    const stop = min(x + 128, end);
    let to = y, panel = w;
    for (let stream = 0; stream < streams; stream++) {
      let s0 = f32x4.splat(0), s1 = s0, s2 = s0, s3 = s0, q = panel;
      for (let at = x; at < stop; at += 4) {
        const v = v128.load32_splat(at), a = v128.load(q), b = v128.load(q, 16);
        if (bytesOf<S>() == 4) {
          s0 = addProduct(s0, v, a), s1 = addProduct(s1, v, b), s2 = addProduct(s2, v, v128.load(q, 32)), s3 = addProduct(s3, v, v128.load(q, 48));
        } else {
          s0 = addProduct(s0, v, evensOf<S>(a, bits, factor)), s1 = addProduct(s1, v, oddsOf<S>(a, bits, factor));
          s2 = addProduct(s2, v, evensOf<S>(b, bits, factor)), s3 = addProduct(s3, v, oddsOf<S>(b, bits, factor));
        }
        q += step;
      }
      if (bytesOf<S>() == 2) {
        const odds = s1, evens = s2;
        s1 = i32x4.shuffle(s0, odds, 2, 6, 3, 7), s0 = i32x4.shuffle(s0, odds, 0, 4, 1, 5);
        s2 = i32x4.shuffle(evens, s3, 0, 4, 1, 5), s3 = i32x4.shuffle(evens, s3, 2, 6, 3, 7);
      }
      v128.store(to, f32x4.add(v128.load(to), s0));
      v128.store(to, f32x4.add(v128.load(to, 16), s1), 16);
      v128.store(to, f32x4.add(v128.load(to, 32), s2), 32);
      v128.store(to, f32x4.add(v128.load(to, 48), s3), 48);
      panel += wStep, to += yStep;
    }
    x = stop;
    w += 32 * step;
  }
}

/** `vectorFloat` for floats of a kind. */
function vectorOf(kind: i32, y: usize, yStep: usize, x: usize, w: usize, wStep: usize, streams: i32, cols: i32): void {
  if (kind == KIND_F32) vectorFloat<F32>(y, yStep, x, w, wStep, streams, cols);
  else if (kind == KIND_F16) vectorFloat<F16>(y, yStep, x, w, wStep, streams, cols);
  else vectorFloat<BF16>(y, yStep, x, w, wStep, streams, cols);
}

/** One row times the panels at w, in four streams (docs/kernels.md, "Linear tables"). */
function multiplyRow(kind: i32, y: usize, x: usize, w: usize, wStep: usize, panels: i32, k: i32): void {
  memory.fill(y, 0, <usize>panels << 6);
  const part = panels / STREAMS;
  for (let p = 0; p < part; p++) {
    vectorOf(kind, y, <usize>part << 6, x, w, <usize>part * wStep, STREAMS, k);
    y += 64, w += wStep;
  }
  y += <usize>(part * (STREAMS - 1)) << 6, w += <usize>(part * (STREAMS - 1)) * wStep;
  vectorOf(kind, y, 64, x, w, wStep, panels - part * STREAMS, k);
}

/** y[8] += a and b. */
@inline function addSums(y: usize, a: v128, b: v128): void {
  v128.store(y, f32x4.add(v128.load(y), a));
  v128.store(y, f32x4.add(v128.load(y, 16), b), 16);
}

/**
 * y[4][8] += 4 rows of x times `cols` columns x 8 rows of weights; rows of y are `yBytes` apart. The loop is short: Node 20's compiler
 * keeps the sums of a long one in memory.
 */
function floatTile(y: usize, yBytes: usize, x0: usize, x1: usize, x2: usize, x3: usize, weights: usize, cols: i32): void {
  const none = f32x4.splat(0);
  const end = weights + (<usize>cols << 6);
  while (weights < end) {
    const stop = min(weights + 64 * CHUNK, end);
    let a00 = none, a01 = none, a10 = none, a11 = none, a20 = none, a21 = none, a30 = none, a31 = none;
    do {
      const w = v128.load(weights), v = v128.load(weights, 16);
      let x = v128.load32_splat(x0);
      a00 = addProduct(a00, x, w), a01 = addProduct(a01, x, v), x = v128.load32_splat(x1);
      a10 = addProduct(a10, x, w), a11 = addProduct(a11, x, v), x = v128.load32_splat(x2);
      a20 = addProduct(a20, x, w), a21 = addProduct(a21, x, v), x = v128.load32_splat(x3);
      a30 = addProduct(a30, x, w), a31 = addProduct(a31, x, v);
      weights += 64, x0 += 4, x1 += 4, x2 += 4, x3 += 4;
    } while (weights < stop);
    addSums(y, a00, a01);
    addSums(y + yBytes, a10, a11);
    addSums(y + 2 * yBytes, a20, a21);
    addSums(y + 3 * yBytes, a30, a31);
  }
}

/** Adds one piece of a panel to the 16 columns at y of `count` rows. Rows beyond the last full four go one by one. */
export function addPiece(y: usize, yBytes: usize, x: usize, xBytes: usize, index: usize, start: i32, count: i32, w: usize, cols: i32): void {
  const end = start + count;
  let t = start;
  for (; t + 4 <= end; t += 4) {
    const x0 = x + rowAt(index, t) * xBytes;
    const x1 = x + rowAt(index, t + 1) * xBytes;
    const x2 = x + rowAt(index, t + 2) * xBytes;
    const x3 = x + rowAt(index, t + 3) * xBytes;
    floatTile(y, yBytes, x0, x1, x2, x3, w, cols);
    floatTile(y + 32, yBytes, x0, x1, x2, x3, w + 32, cols);
    y += 4 * yBytes;
  }
  for (; t < end; t++) {
    vectorFloat<F32>(y, 0, x + rowAt(index, t) * xBytes, w, 0, 1, cols);
    y += yBytes;
  }
}

/** Computes the 16 columns at y of `count` rows. */
function multiplyPanel(kind: i32, y: usize, yBytes: usize, scratch: usize, panel: usize, x: usize, xBytes: usize, index: usize, start: i32, count: i32, k: i32, groupSize: i32, zero: i32): void {
  clearRows(y, count, yBytes);
  const piece = count < SOME_ROWS ? SHORT_PIECE : PIECE;
  for (let col = 0; col < k; col += piece) {
    const cols = min(piece, k - col);
    let w = scratch;
    if (kind == KIND_F32) w = panel + (<usize>col << 6);
    else if (kind == KIND_F16) widenFloats<F16>(w, panel, col, cols);
    else if (kind == KIND_BF16) widenFloats<BF16>(w, panel, col, cols);
    else widenCodes(kind, w, w + CODES, panel, col, cols, groupSize, zero);
    addPiece(y, yBytes, x + (<usize>col << 2), xBytes, index, start, count, w, cols);
  }
}

/** Multiplies all matrices of the table. */
function multiply(kind: i32, first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  const yBytes = <usize>ldy << 2;
  const rows = max(BLOCK_ROWS, <i32>(BLOCK_BYTES / (<usize>(k + 16 * (last - first)) << 2)) & ~3);
  const panelStep = kind < KIND_F16 ? panelBytes(kind, k, groupSize, zero) : <usize>k * (kind == KIND_F32 ? 64 : 32);
  for (let entry = table; entry < table + <usize>entries * ENTRY_BYTES; entry += ENTRY_BYTES) {
    const count = countOf(entry);
    if (count == 0) continue;
    const start = startOf(entry), end = start + count;
    const y = outputOf(entry) + (<usize>first << 6);
    const panel = weightsOf(entry) + <usize>first * panelStep;
    if (kind >= KIND_F16 && count == 1) {
      multiplyRow(kind, y + <usize>start * yBytes, x + rowAt(index, start) * (<usize>ldx << 2), panel, panelStep, last - first, k);
      continue;
    }
    for (let row = start; row < end; row += rows) {
      const some = min(rows, end - row);
      let to = y + <usize>row * yBytes, from = panel;
      for (let p = first; p < last; p++) {
        multiplyPanel(kind, to, yBytes, scratch, from, x, <usize>ldx << 2, index, row, some, k, groupSize, zero);
        to += 64, from += panelStep;
      }
    }
  }
}

/** y = x · Wᵀ, f32 panels. */
export function matmul_f32(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  multiply(KIND_F32, first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx, zero);
}
/** y = x · Wᵀ, f16 panels. */
export function matmul_f16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  multiply(KIND_F16, first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx, zero);
}
/** y = x · Wᵀ, bf16 panels. */
export function matmul_bf16(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  multiply(KIND_BF16, first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx, zero);
}
/** y = x · Wᵀ, 2-bit codes, dequantised. */
export function matmul_w2(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  multiply(2, first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx, zero);
}
/** y = x · Wᵀ, 3-bit codes, dequantised. */
export function matmul_w3(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  multiply(3, first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx, zero);
}
/** y = x · Wᵀ, 4-bit codes, dequantised. */
export function matmul_w4(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  multiply(4, first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx, zero);
}
/** y = x · Wᵀ, 8-bit codes, dequantised. */
export function matmul_w8(first: i32, last: i32, scratch: usize, table: usize, entries: i32, x: usize, index: usize, k: i32, groupSize: i32, ldy: i32, ldx: i32, zero: i32): void {
  multiply(8, first, last, scratch, table, entries, x, index, k, groupSize, ldy, ldx, zero);
}
