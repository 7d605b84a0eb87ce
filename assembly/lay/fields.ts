// Gathers the codes of 16 rows, 32 columns at a time, in the form from which chunks of panels are packed (matmul/codes.ts).

import { BYTES_0F } from "../common/constants";

/** fields[8][16 rows][4] = 32 bytes of each of `rows` rows, which lie `stride` bytes apart. The bytes of rows from `rows` to 16 are zero. */
export function gatherFields(fields: usize, bytes: usize, stride: usize, rows: i32): void {
  if (rows < 16) memory.fill(fields, 0, 512);
  const fours = rows >> 2;
  for (let four = 0; four < fours; four++) {
    for (let half: usize = 0; half < 2; half++) gatherFour(fields + (half << 8), bytes + (half << 4), stride);
    bytes += stride << 2;
    fields += 16;
  }
  for (let r = 0; r < (rows & 3); r++) {
    for (let i: usize = 0; i < 8; i++) store<u32>(fields + (i << 6), load<u32>(bytes + (i << 2)));
    bytes += stride;
    fields += 4;
  }
}

/** Transposes 4 rows x 4 words to four fields. */
@inline function gatherFour(fields: usize, bytes: usize, stride: usize): void {
  const a = v128.load(bytes);
  const b = v128.load(bytes + stride);
  const c = v128.load(bytes + 2 * stride);
  const d = v128.load(bytes + 3 * stride);
  const ab = v128.shuffle<i32>(a, b, 0, 4, 1, 5);
  const cd = v128.shuffle<i32>(c, d, 0, 4, 1, 5);
  const ab2 = v128.shuffle<i32>(a, b, 2, 6, 3, 7);
  const cd2 = v128.shuffle<i32>(c, d, 2, 6, 3, 7);
  v128.store(fields, v128.shuffle<i64>(ab, cd, 0, 2));
  v128.store(fields, v128.shuffle<i64>(ab, cd, 1, 3), 64);
  v128.store(fields, v128.shuffle<i64>(ab2, cd2, 0, 2), 128);
  v128.store(fields, v128.shuffle<i64>(ab2, cd2, 1, 3), 192);
}

/** A chunk of 4-bit codes from fields of GGUF's nibbles: the first four fields hold 16 columns in their low halves and 16 more in the high ones. */
export function packNibbles(to: usize, fields: usize): void {
  const low = v128.load(BYTES_0F);
  for (let r: usize = 0; r < 128; r += 16) {
    const from = fields + r + (r & 64);
    const a = v128.load(from);
    const b = v128.load(from, 64);
    v128.store(to + r, v128.bitselect(a, i16x8.shl(b, 4), low));
    v128.store(to + r, v128.bitselect(i16x8.shr_u(a, 4), b, low), 128);
  }
}
