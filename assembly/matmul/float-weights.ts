// Reads weights as f32: a column of a float panel into registers, or a piece of any panel into memory.
import { isBf16 } from "../common/bits";
import { unpackChunkOf } from "./codes";
import { F16_BITS, F32_2P112, LOW_HALF } from "../common/constants";
import { scalesOf, zerosOf } from "./fold";
import { groupBytes, headBytes } from "./panel";

/** f32 from four 16-bit floats in 32-bit lanes. `bits` and `factor` are F16_BITS and F32_2P112, which a loop that stores should load before. */
@inline function fourOf<S>(raw: v128, bits: v128, factor: v128): v128 {
  if (isBf16<S>()) return i32x4.shl(raw, 16);
  return f32x4.mul(v128.and(i32x4.shl(raw, 13), bits), factor);
}

/**
 * The odd ones of eight 16-bit floats as f32: those in the upper halves of lanes. The bits of an f16 are shifted to their place in an f32,
 * which is scaled by 2^112. This is exact, also for subnormals. `bits` is `halfBits`, `factor` F32_2P112.
 */
@inline export function oddsOf<S>(eight: v128, bits: v128, factor: v128): v128 {
  if (isBf16<S>()) return v128.andnot(eight, bits);
  return f32x4.mul(v128.and(i32x4.shr_s(eight, 3), bits), factor);
}

/** The even ones: those in the lower halves. */
@inline export function evensOf<S>(eight: v128, bits: v128, factor: v128): v128 {
  const upper = i32x4.shl(eight, 16);
  return isBf16<S>() ? upper : oddsOf<S>(upper, bits, factor);
}

/** `bits` of these two: those of an f16 at their place in an f32, or those that are no bf16's. */
@inline export function halfBits<S>(): v128 { return v128.load(isBf16<S>() ? LOW_HALF : F16_BITS); }

/** out[cols][16] = columns `from` to `from + cols` of a packed panel as f32; 512 bytes at `spare`. */
export function widenCodes(bits: i32, out: usize, spare: usize, panel: usize, from: i32, cols: i32, groupSize: i32, zero: i32): void {
  for (let col = from; col < from + cols; col += 32) {
    const group = col / groupSize;
    const head = panel + <usize>group * groupBytes(bits, groupSize, zero);
    unpackChunkOf(bits, spare, head + headBytes(zero) + <usize>(2 * (col - group * groupSize) * bits));
    for (let r: usize = 0; r < 64; r += 16) scaleRows(out + r, spare + r, scalesOf(head + (r >> 1)), zero < 0 ? zerosOf(head + 32 + (r >> 2)) : i32x4.splat(zero));
    out += 2048;
  }
}

/** out[cols][16] = columns `from` to `from + cols` of a panel of 16-bit floats as f32. */
export function widenFloats<S>(out: usize, panel: usize, from: i32, cols: i32): void {
  const bits = v128.load(F16_BITS), factor = v128.load(F32_2P112);
  let p = panel + (<usize>from << 5);
  for (const end = out + (<usize>cols << 6); out < end; out += 64) {
    v128.store(out, fourOf<S>(v128.load_ext<i16>(p), bits, factor));
    v128.store(out, fourOf<S>(v128.load_ext<i16>(p, 8), bits, factor), 16);
    v128.store(out, fourOf<S>(v128.load_ext<i16>(p, 16), bits, factor), 32);
    v128.store(out, fourOf<S>(v128.load_ext<i16>(p, 24), bits, factor), 48);
    p += 32;
  }
}

/** Weights of 32 columns x 4 rows from their codes: f32(code - zero) * scale, exact. */
function scaleRows(out: usize, bytes: usize, scales: v128, zero: v128): void {
  const scale = f32x4.mul(scales, v128.load(F32_2P112));
  const low = i32x4.shr_u(v128.load(LOW_HALF), 8);
  for (const end = bytes + 512; bytes < end; bytes += 64) {
    const v = v128.load(bytes);
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(v128.and(v, low), zero)), scale));
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(v128.and(i32x4.shr_u(v, 8), low), zero)), scale), 64);
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(v128.and(i32x4.shr_u(v, 16), low), zero)), scale), 128);
    v128.store(out, f32x4.mul(f32x4.convert_i32x4_s(i32x4.sub(i32x4.shr_u(v, 24), zero)), scale), 192);
    out += 256;
  }
}
