// Packs row-major float weights into panels.
import { gatherFields } from "./fields";

/** 1 if one of the elements of T has all bits of `exponent`: it is no number. */
function holdsNoNumber<T>(from: usize, bytes: usize, exponent: u32): u32 {
  const mask = sizeof<T>() == 2 ? i16x8.splat(<i16>exponent) : i32x4.splat(exponent);
  const end = from + bytes;
  const last = from + (bytes & ~15);
  let found = v128.xor(mask, mask);
  for (; from < last; from += 16) {
    const bits = v128.and(v128.load(from), mask);
    found = v128.or(found, sizeof<T>() == 2 ? i16x8.eq(bits, mask) : i32x4.eq(bits, mask));
  }
  let fault = <u32>v128.any_true(found);
  for (; from < end; from += sizeof<T>()) fault |= <u32>((<u32>load<T>(from) & exponent) == exponent);
  return fault;
}

/** to[2][16] of 2-byte elements from a field of 16 words with both columns. */
@inline function splitPairs(to: usize, words: usize): void {
  const a = v128.load(words);
  const b = v128.load(words, 16);
  const c = v128.load(words, 32);
  const d = v128.load(words, 48);
  v128.store(to, i16x8.shuffle(a, b, 0, 2, 4, 6, 8, 10, 12, 14));
  v128.store(to, i16x8.shuffle(c, d, 0, 2, 4, 6, 8, 10, 12, 14), 16);
  v128.store(to, i16x8.shuffle(a, b, 1, 3, 5, 7, 9, 11, 13, 15), 32);
  v128.store(to, i16x8.shuffle(c, d, 1, 3, 5, 7, 9, 11, 13, 15), 48);
}

/** panels[p] of element type T from row-major rows [N,K]. Rows from n on are zero. */
function arrange<T>(first: i32, last: i32, scratch: usize, out: usize, input: usize, n: i32, k: i32, faults: usize, exponent: u32): void {
  const rowBytes = <usize>k * sizeof<T>();
  let to = out + <usize>first * 16 * rowBytes;
  for (let panel = first; panel < last; panel++) {
    const rows = min(16, n - panel * 16);
    const from = input + <usize>panel * 16 * rowBytes;
    if (faults) store<u32>(faults + (<usize>panel << 2), holdsNoNumber<T>(from, <usize>rows * rowBytes, exponent));
    let col: usize = 0;
    for (; col + 32 <= rowBytes; col += 32) {
      gatherFields(sizeof<T>() == 2 ? scratch : to, from + col, rowBytes, rows);
      if (sizeof<T>() == 2) {
        for (let pair: usize = 0; pair < 512; pair += 64) splitPairs(to + pair, scratch + pair);
      }
      to += 512;
    }
    for (; col < rowBytes; col += sizeof<T>()) {
      for (let r = 0; r < 16; r++) {
        store<T>(to, r < rows ? load<T>(from + <usize>r * rowBytes + col) : 0);
        to += sizeof<T>();
      }
    }
  }
}

/**
 * Panels of 2-byte elements from row-major [N,K]. faults[p] (unless `faults` is 0) is 0 if no element of panel p has all bits of `exponent`. A
 * unit is a panel; scratch 512 bytes.
 */
export function panel_16(first: i32, last: i32, scratch: usize, out: usize, input: usize, n: i32, k: i32, faults: usize, exponent: u32): void {
  arrange<u16>(first, last, scratch, out, input, n, k, faults, exponent);
}

/** The same for 4-byte elements; no scratch. */
export function panel_32(first: i32, last: i32, scratch: usize, out: usize, input: usize, n: i32, k: i32, faults: usize, exponent: u32): void {
  arrange<u32>(first, last, scratch, out, input, n, k, faults, exponent);
}
