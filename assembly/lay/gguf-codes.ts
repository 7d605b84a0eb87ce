// Unpacks the codes of GGUF's block types: 32 columns of some rows as bytes, row after row.
import { BYTES_03, BYTES_04, BYTES_0F, WORDS_00FF } from "../common/constants";
import { Q2_K, Q3_K, Q4_1, Q4_K, Q5_0, Q5_1, Q5_K, Q6_K, Q8_0 } from "./gguf-types";

/**
 * to[rows][32] = the codes of columns 32 part to 32 part + 31 of a block, for rows whose blocks begin at `from`, `stride` bytes apart.
 * Types without minimums have codes around zero: they are signed bytes for Q6_K. For Q5_0, Q8_0 and Q3_K, which become panels of codes
 * from 0, their zero (16, 128 or 124) is added, and the codes of Q3_K are multiplied by the scales of their groups before.
 */
export function unpackCodes(type: i32, to: usize, from: usize, stride: usize, part: i32, rows: i32): void {
  if (type == Q4_1) nibbles(to, from + 4, stride, rows);
  else if (type == Q5_0) fives(to, from + 2, stride, rows);
  else if (type == Q5_1) fives(to, from + 4, stride, rows);
  else if (type == Q8_0) eights(to, from + 2, stride, rows);
  else if (type == Q2_K) shifted(to, from + 16 + <usize>((part >> 2) << 5), stride, (part & 3) << 1, v128.load(BYTES_03), rows);
  else if (type == Q3_K) {
    shifted(to, from + 32 + <usize>((part >> 2) << 5), stride, (part & 3) << 1, v128.load(BYTES_03), rows);
    addBits(to, from, stride, part, 2, ones(), rows);
    scaleThrees(to, from, stride, part, rows);
  } else if (type == Q4_K) shifted(to, from + 16 + <usize>((part >> 1) << 5), stride, (part & 1) << 2, v128.load(BYTES_0F), rows);
  else if (type == Q5_K) {
    shifted(to, from + 48 + <usize>((part >> 1) << 5), stride, (part & 1) << 2, v128.load(BYTES_0F), rows);
    addBits(to, from + 16, stride, part, 4, ones(), rows);
  } else if (type == Q6_K) {
    shifted(to, from + <usize>(((part >> 2) << 6) + ((part & 1) << 5)), stride, (part & 2) << 1, v128.load(BYTES_0F), rows);
    addBits(to, from + 128 + <usize>((part >> 2) << 5), stride, (part & 3) << 1, 4, v128.load(BYTES_03), rows);
    subtract(to, i16x8.shl(v128.load(BYTES_04), 3), rows);
  }
}

/** 1 in every byte. */
@inline function ones(): v128 { return i16x8.shr_u(v128.load(BYTES_04), 2); }

/** The low halves of 16 bytes, then their high halves. */
function nibbles(to: usize, from: usize, stride: usize, rows: i32): void {
  const mask = v128.load(BYTES_0F);
  for (const end = to + (<usize>rows << 5); to < end; to += 32) {
    const both = v128.load(from);
    v128.store(to, v128.and(both, mask));
    v128.store(to, v128.and(i16x8.shr_u(both, 4), mask), 16);
    from += stride;
  }
}

/** Nibbles after four bytes of high bits, one for each of the 32 codes. */
function fives(to: usize, from: usize, stride: usize, rows: i32): void {
  nibbles(to, from + 4, stride, rows);
  for (const end = to + (<usize>rows << 5); to < end; to += 32) {
    for (let i: usize = 0; i < 4; i++) {
      // Byte j of the product has all eight bits; bit j of it is kept, and moved to bit 4.
      const bits = (<u64>load<u8>(from + i) * 0x0101010101010101) & 0x8040201008040201;
      const high = ((bits + 0x7f7f7f7f7f7f7f7f) & 0x8080808080808080) >> 3;
      store<u64>(to + (i << 3), load<u64>(to + (i << 3)) | high);
    }
    from += stride;
  }
}

/** Signed bytes plus 128. */
function eights(to: usize, from: usize, stride: usize, rows: i32): void {
  const top = i16x8.shl(v128.load(BYTES_04), 5);
  for (const end = to + (<usize>rows << 5); to < end; to += 32) {
    v128.store(to, v128.xor(v128.load(from), top));
    v128.store(to, v128.xor(v128.load(from, 16), top), 16);
    from += stride;
  }
}

/** The bits under `mask` of 32 bytes after a shift to the right. */
function shifted(to: usize, from: usize, stride: usize, shift: i32, mask: v128, rows: i32): void {
  for (const end = to + (<usize>rows << 5); to < end; to += 32) {
    v128.store(to, v128.and(i16x8.shr_u(v128.load(from), shift), mask));
    v128.store(to, v128.and(i16x8.shr_u(v128.load(from, 16), shift), mask), 16);
    from += stride;
  }
}

/** Adds the bits under `mask` of 32 bytes, after a shift to the right, as bits from `place` on. */
function addBits(to: usize, from: usize, stride: usize, shift: i32, place: i32, mask: v128, rows: i32): void {
  for (const end = to + (<usize>rows << 5); to < end; to += 32) {
    const low = i16x8.shl(v128.and(i16x8.shr_u(v128.load(from), shift), mask), place);
    const high = i16x8.shl(v128.and(i16x8.shr_u(v128.load(from, 16), shift), mask), place);
    v128.store(to, v128.or(v128.load(to), low));
    v128.store(to, v128.or(v128.load(to, 16), high), 16);
    from += stride;
  }
}

function subtract(to: usize, bytes: v128, rows: i32): void {
  for (const end = to + (<usize>rows << 5); to < end; to += 16) v128.store(to, i8x16.sub(v128.load(to), bytes));
}

/** Scale `group` of a block of Q3_K: 4 low bits of one of 8 bytes and 2 high bits of one of 4, less 32. */
@inline function threeScale(scales: usize, group: i32): i32 {
  const low = <i32>load<u8>(scales + <usize>(group & 7)) >> ((group >> 3) << 2) & 15;
  const high = <i32>load<u8>(scales + 8 + <usize>(group & 3)) >> ((group >> 2) << 1) & 3;
  return (low | (high << 4)) - 32;
}

/** Codes of Q3_K: (code - 4) times the scale of 16 columns, plus 124. Fits a byte. */
function scaleThrees(to: usize, from: usize, stride: usize, part: i32, rows: i32): void {
  const four = v128.load(BYTES_04);
  const zero = i16x8.sub(i16x8.shr_u(v128.load(WORDS_00FF), 1), v128.and(v128.load(BYTES_03), v128.load(WORDS_00FF)));
  for (let r = 0; r < rows; r++) {
    for (let g = 2 * part; g < 2 * part + 2; g++) {
      const scale = i16x8.splat(<i16>threeScale(from + 96, g));
      const codes = i8x16.sub(v128.load(to), four);
      const low = i16x8.mul(i16x8.extend_low_i8x16_s(codes), scale);
      const high = i16x8.mul(i16x8.extend_high_i8x16_s(codes), scale);
      v128.store(to, i8x16.narrow_i16x8_u(i16x8.add(low, zero), i16x8.add(high, zero)));
      to += 16;
    }
    from += stride;
  }
}
