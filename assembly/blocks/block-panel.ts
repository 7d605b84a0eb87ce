// Panels of blocks: codes whose groups have a scale and a minimum (layout: docs/kernels.md; twin: src/tensor/panel.ts).
//
// A weight is scale * code - minimum. A block of 32 columns has both as f16 for each row; in a block of 256 they are products of an f16 for the
// block and a signed byte for each group. At 6 bits the minimum is 32 times the scale and is not stored.
import { F16 } from "../common/bits";
import { F32_2P112 } from "../common/constants";
import { halfBits, oddsOf } from "../matmul/float-weights";
import { codeBytes, groupOf, packCodes, unpackCodes } from "./block-codes";

/** Whether minimums are stored. */
@inline function hasMins(bits: i32): bool { return bits != 6; }

/** Bytes of a block's head: 16 words of two f16, d above dmin. */
export const BLOCK_HEAD: usize = 64;

/** Columns whose scales are expanded at once. */
export const RUN: i32 = 256;

/** Bytes of the factors of 32 columns: for each group 16 scales, then 16 minimums. Blocks of 32 columns have none. */
@inline function factorBytes(bits: i32, block: i32): usize {
  return block == 32 ? 0 : <usize>(32 / groupOf(bits) * (hasMins(bits) ? 32 : 16));
}

/** Bytes from the codes of 32 columns to the codes of the next 32 of a run. */
@inline export function codeStep(bits: i32, block: i32): usize {
  return codeBytes(bits) + (block == 32 ? BLOCK_HEAD : factorBytes(bits, block));
}

/** Bytes before the first codes of a block. */
@inline export function codesAt(bits: i32, block: i32): usize { return BLOCK_HEAD + factorBytes(bits, block); }

/** Bytes of `cols` columns of a panel; whole blocks. */
@inline export function blockPanelBytes(bits: i32, cols: i32, block: i32): usize {
  return <usize>(cols / block) * BLOCK_HEAD + <usize>(cols >> 5) * (codeBytes(bits) + factorBytes(bits, block));
}

/** Bytes of an expanded group: 16 scales, then 16 minimums in f32. */
export const EXPANDED: usize = 128;

/** d of four rows from their heads. */
@inline function unitOf(head: v128): v128 { return oddsOf<F16>(head, halfBits<F16>(), v128.load(F32_2P112)); }

/** out[16] = factor * unit for 16 signed bytes at `factors`; `units` has those of the rows. */
@inline function expandFactors(out: usize, factors: usize, units: usize): void {
  const bytes = v128.load(factors);
  const low = i16x8.extend_low_i8x16_s(bytes);
  const high = i16x8.extend_high_i8x16_s(bytes);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(low)), v128.load(units)));
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(low)), v128.load(units, 16)), 16);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_low_i16x8_s(high)), v128.load(units, 32)), 32);
  v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.extend_high_i16x8_s(high)), v128.load(units, 48)), 48);
}

/** Writes scales and minimums of four rows' head, 64 bytes apart. */
@inline function expandHead(out: usize, head: v128): void {
  v128.store(out, unitOf(head));
  v128.store(out, unitOf(i32x4.shl(head, 16)), 64);
}

/** Writes scales and minimums of the groups of `cols` columns as f32: a run of a panel that begins at `from`. Room for RUN columns: 2 KiB and 128 bytes. */
export function expandHeads(bits: i32, out: usize, from: usize, cols: i32, block: i32): void {
  const units = out + 2048;
  const thirtyTwo = f32x4.convert_i32x4_s(i32x4.splat(bits + 26)); // a constant would be built anew in the loop
  if (block != 32) {
    for (let r: usize = 0; r < 64; r += 16) expandHead(units + r, v128.load(from + r));
    from += BLOCK_HEAD;
  }
  for (let col = 0; col < cols; col += 32) {
    if (block == 32) {
      for (let r: usize = 0; r < 64; r += 16) expandHead(out + r, v128.load(from + r));
      from += BLOCK_HEAD;
      out += EXPANDED;
    } else {
      for (let g = 0; g < 32; g += groupOf(bits)) {
        expandFactors(out, from, units);
        if (hasMins(bits)) expandFactors(out + 64, from + 16, units + 64);
        else for (let r: usize = 0; r < 64; r += 16) v128.store(out + r, f32x4.mul(v128.load(out + r), thirtyTwo), 64);
        from += hasMins(bits) ? 32 : 16;
        out += EXPANDED;
      }
    }
    from += codeBytes(bits);
  }
}

/** out[cols][16] = the first `cols` columns at `from` as f32, at most RUN; `heads` as for expandHeads, `bytes` 512 bytes. */
export function widenBlocks(bits: i32, out: usize, heads: usize, bytes: usize, from: usize, cols: i32, block: i32): void {
  expandHeads(bits, heads, from, cols, block);
  let codes = from + codesAt(bits, block);
  for (let col = 0; col < cols; col += 32) {
    unpackCodes(bits, bytes, codes);
    for (let g: usize = 0; g < 32; g += groupOf(bits)) {
      for (let r: usize = 0; r < 64; r += 16) {
        widenGroup(out + r, bytes + (g << 4) + r, groupOf(bits), v128.load(heads + r), v128.load(heads + r, 64));
      }
      heads += EXPANDED;
      out += groupOf(bits) << 6;
    }
    codes += codeStep(bits, block);
  }
}

@inline function weightOf(codes: v128, scale: v128, min: v128): v128 {
  return f32x4.sub(f32x4.mul(f32x4.convert_i32x4_s(codes), scale), min);
}

/** The weights of one group x 4 rows. */
function widenGroup(out: usize, bytes: usize, cols: i32, scale: v128, min: v128): void {
  for (const end = bytes + (<usize>cols << 4); bytes < end; bytes += 64) {
    const v = v128.load(bytes);
    v128.store(out, weightOf(i32x4.shr_u(i32x4.shl(v, 24), 24), scale, min));
    v128.store(out, weightOf(i32x4.shr_u(i32x4.shl(v, 16), 24), scale, min), 64);
    v128.store(out, weightOf(i32x4.shr_u(i32x4.shl(v, 8), 24), scale, min), 128);
    v128.store(out, weightOf(i32x4.shr_u(v, 24), scale, min), 192);
    out += 256;
  }
}

/** Writes a byte of each row below `rows`, zeros for the others: 16 bytes. */
function packFactors(to: usize, from: usize, stride: usize, rows: i32): void {
  v128.store(to, i32x4.splat(0));
  for (let r: usize = 0; r < <usize>rows; r++) store<u8>(to + r, load<u8>(from + r * stride));
}

/** The codes of 32 columns x 16 rows as fields of bytes; 6 bits are stored as code + 32. */
function gatherCodes(bits: i32, bytes: usize, from: usize, k: usize, rows: i32): void {
  const mask: u32 = 0x01010101 * ((1 << bits) - 1);
  const flip: u32 = hasMins(bits) ? 0 : 0x20202020;
  memory.fill(bytes, 0, 512);
  for (let r = 0; r < rows; r++) {
    const lane = bytes + (<usize>r << 2);
    for (let i: usize = 0; i < 8; i++) store<u32>(lane + (i << 6), (load<u32>(from + (i << 2)) & mask) ^ flip);
    from += k;
  }
}

/**
 * panels[p] from codes i8[N,K], heads u32[N,K/block] (d above dmin) and pairs i8[N,K/group,2] (scale, minimum; blocks of 32 columns read
 * none); a unit is a panel; scratch 512 bytes. Groups have 16 columns at 2 and 6 bits, 32 at 4 and 5.
 */
export function pack_blocks(first: i32, last: i32, scratch: usize, out: usize, codes: usize, heads: usize, pairs: usize, n: i32, k: i32, bits: i32, block: i32): void {
  const pairRow = <usize>(k / groupOf(bits) << 1);
  const headRow = <usize>(k / block << 2);
  let to = out + <usize>first * blockPanelBytes(bits, k, block);
  for (let row = first * 16; row < last * 16; row += 16) {
    const rows = min(16, n - row);
    let head = heads + <usize>row * headRow;
    let pair = pairs + <usize>row * pairRow;
    for (let col = 0; col < k; col += 32) {
      if (col % block == 0) {
        memory.fill(to, 0, BLOCK_HEAD);
        for (let r: usize = 0; r < <usize>rows; r++) store<u32>(to + (r << 2), load<u32>(head + r * headRow));
        to += BLOCK_HEAD;
        head += 4;
      }
      for (let g = block == 32 ? 32 : 0; g < 32; g += groupOf(bits)) {
        packFactors(to, pair, pairRow, rows);
        if (hasMins(bits)) packFactors(to + 16, pair + 1, pairRow, rows);
        to += hasMins(bits) ? 32 : 16;
        pair += 2;
      }
      gatherCodes(bits, scratch, codes + <usize>row * <usize>k + <usize>col, k, rows);
      packCodes(bits, to, scratch);
      to += codeBytes(bits);
    }
  }
}
