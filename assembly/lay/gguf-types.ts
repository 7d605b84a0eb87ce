// The block types of GGUF files: their numbers, sizes, and where the units of a block lie. Codes are unpacked by gguf-codes.ts.

export const Q4_0: i32 = 2;
export const Q4_1: i32 = 3;
export const Q5_0: i32 = 6;
export const Q5_1: i32 = 7;
export const Q8_0: i32 = 8;
export const Q2_K: i32 = 10;
export const Q3_K: i32 = 11;
export const Q4_K: i32 = 12;
export const Q5_K: i32 = 13;
export const Q6_K: i32 = 14;

/** Columns of a block. */
export function blockColumns(type: i32): i32 { return type < Q2_K ? 32 : 256; }

/** Bytes of a block. */
export function blockBytes(type: i32): usize {
  if (type == Q4_0) return 18;
  if (type == Q4_1) return 20;
  if (type == Q5_0) return 22;
  if (type == Q5_1) return 24;
  if (type == Q8_0) return 34;
  if (type == Q2_K) return 84;
  if (type == Q3_K) return 110;
  if (type == Q4_K) return 144;
  return type == Q5_K ? 176 : 210;
}

/** Bytes before the f16 unit of a block's scales. */
export function unitOffset(type: i32): usize {
  if (type == Q2_K) return 80;
  if (type == Q3_K) return 108;
  return type == Q6_K ? 208 : 0;
}
