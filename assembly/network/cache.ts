// The key/value cache: rows of f32, or of f16 that are rounded to nearest, ties to even, when they are stored.
import { F16_REST, F16_SIGN, F32_2P112, LOW_HALF } from "../common/constants";

/** The f16 bits of an f32. Magnitudes from 65520 on become infinite; a NaN stays one. One at a time: few are stored, each is read often. */
function narrow(x: f32): u32 {
  const all = reinterpret<u32>(x);
  const sign = (all >> 16) & 0x8000;
  const size = all & 0x7fffffff;
  if (size > 0x7f800000) return sign | 0x7e00;
  if (size >= 0x477ff000) return sign | 0x7c00;
  // Below 2^-14: adding 0.5 rounds to multiples of 2^-24, which are then in the lowest bits.
  if (size < 0x38800000) return sign | (reinterpret<u32>(reinterpret<f32>(size) + 0.5) - 0x3f000000);
  // Half of the last kept bit is added, less one if that bit is even; then the exponent is made smaller by 112.
  return sign | (((size + 0xfff + ((size >> 13) & 1)) >> 13) - (112 << 10));
}

/** Stores `count` numbers at cell `at` of a cache that begins at `cache`. */
export function storeCells(cache: usize, at: usize, from: usize, count: i32, isHalf: i32): void {
  if (!isHalf) {
    memory.copy(cache + (at << 2), from, <usize>count << 2);
    return;
  }
  let to = cache + (at << 1);
  for (const end = from + (<usize>count << 2); from < end; from += 4) {
    store<u16>(to, <u16>narrow(load<f32>(from)));
    to += 2;
  }
}

/** Four f16 as f32, from the lower halves of lanes. Infinite ones become NaN, so that they reach the logits. */
@inline
function widen4(bits: v128, mask: v128, up: v128, top: v128): v128 {
  const value = f32x4.mul(v128.and(i32x4.shl(bits, 13), mask), up);
  return v128.or(value, f32x4.ge(f32x4.abs(value), top));
}

/** out[rows][width] = f32 rows at `from`, `stride` bytes apart. */
export function copyRows(out: usize, from: usize, rows: i32, stride: usize, width: i32): void {
  for (; rows > 0; rows--) {
    let at = from;
    const end = from + (<usize>width << 2);
    for (; at + 16 <= end; at += 16) {
      v128.store(out, v128.load(at));
      out += 16;
    }
    for (; at < end; at += 4) {
      store<f32>(out, load<f32>(at));
      out += 4;
    }
    from += stride;
  }
}

/** out[rows][width] = f16 rows at `from`, `stride` bytes apart, as f32. */
export function widenRows(out: usize, from: usize, rows: i32, stride: usize, width: i32): void {
  const mask = v128.or(v128.load(F16_SIGN), v128.load(F16_REST));
  const up = v128.load(F32_2P112);
  const top = f32x4.convert_i32x4_s(v128.load(LOW_HALF)); // between the largest f16 and the next power of two
  for (; rows > 0; rows--) {
    let at = from;
    const end = from + (<usize>width << 1);
    for (; at + 8 <= end; at += 8) {
      v128.store(out, widen4(v128.load_ext<i16>(at), mask, up, top));
      out += 16;
    }
    for (; at < end; at += 2) {
      store<f32>(out, f32x4.extract_lane(widen4(i32x4.splat(<i32>load<i16>(at)), mask, up, top), 0));
      out += 4;
    }
    from += stride;
  }
}

/** Copies key[t] and value[t] to cache row rows[t]; the widths are those of all heads. `isHalf`: the cache has f16. A unit is a token. */
export function store_kv(
  first: i32, last: i32, scratch: usize,
  keyCache: usize, valueCache: usize, key: usize, ldk: i32, value: usize, ldv: i32, rows: usize, keyWidth: i32, valueWidth: i32, isHalf: i32,
): void {
  for (let token = first; token < last; token++) {
    const row = <usize>load<i32>(rows + (<usize>token << 2));
    storeCells(keyCache, row * keyWidth, key + (<usize>token * ldk << 2), keyWidth, isHalf);
    storeCells(valueCache, row * valueWidth, value + (<usize>token * ldv << 2), valueWidth, isHalf);
  }
}
