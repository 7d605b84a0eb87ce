// Reads weights as f32: a column of a float panel into registers, or a piece of any panel into memory.
import { bitsOf, bytesOf, isBf16, isPacked } from "../common/bits";
import { unpackChunk } from "./codes";
import { F16_REST, F16_SIGN, F32_2P112, HIGH_HALF, LOW_HALF } from "../common/constants";
import { GROUP_HEAD, groupBytes } from "./panel";

/**
 * f32 from 16-bit floats in the upper halves of lanes. The bits of an f16 are shifted to their place in an f32, which is scaled by
 * 2^112. This is exact, also for subnormals.
 */
@inline export function widened<S>(bits: v128): v128 {
  if (isBf16<S>()) return bits;
  const mask = v128.or(v128.load(F16_SIGN), v128.load(F16_REST));
  return f32x4.mul(v128.and(i32x4.shr_s(bits, 3), mask), v128.load(F32_2P112));
}

@inline function low<S>(v: v128): v128 { return widened<S>(i16x8.shuffle(i16x8.splat(0), v, 0, 8, 1, 9, 2, 10, 3, 11)); }
@inline function high<S>(v: v128): v128 { return widened<S>(i16x8.shuffle(i16x8.splat(0), v, 4, 12, 5, 13, 6, 14, 7, 15)); }

/** Rows 0-3, 4-7, 8-11 and 12-15 of one column of a float panel, as f32. */
@inline export function rows0<S>(p: usize): v128 { return bytesOf<S>() == 4 ? v128.load(p) : low<S>(v128.load(p)); }
@inline export function rows4<S>(p: usize): v128 { return bytesOf<S>() == 4 ? v128.load(p, 16) : high<S>(v128.load(p)); }
@inline export function rows8<S>(p: usize): v128 { return bytesOf<S>() == 4 ? v128.load(p, 32) : low<S>(v128.load(p, 16)); }
@inline export function rows12<S>(p: usize): v128 { return bytesOf<S>() == 4 ? v128.load(p, 48) : high<S>(v128.load(p, 16)); }

/** out[cols][16] = columns `from` to `from + cols` of a panel as f32; packed panels use 512 bytes at `spare`. */
export function widenPiece<S>(out: usize, spare: usize, panel: usize, from: i32, cols: i32, groupSize: i32): void {
  if (isPacked<S>()) {
    for (let col = from; col < from + cols; col += 32) {
      const group = col / groupSize;
      const head = panel + <usize>group * groupBytes<S>(groupSize);
      unpackChunk<S>(spare, head + GROUP_HEAD + <usize>(2 * (col - group * groupSize) * bitsOf<S>()));
      for (let r: usize = 0; r < 64; r += 16) scaleRows(out + r, spare + r, v128.load(head + r));
      out += 2048;
    }
  } else {
    let p = panel + <usize>from * 16 * bytesOf<S>();
    for (const end = out + (<usize>cols << 6); out < end; out += 64) {
      v128.store(out, rows0<S>(p));
      v128.store(out, rows4<S>(p), 16);
      v128.store(out, rows8<S>(p), 32);
      v128.store(out, rows12<S>(p), 48);
      p += 16 * bytesOf<S>();
    }
  }
}

/** Weights of 32 columns x 4 rows from their codes: f32(code - zero) * scale, exact. */
function scaleRows(out: usize, bytes: usize, head: v128): void {
  const scale = f32x4.mul(i32x4.shr_u(v128.and(head, v128.load(HIGH_HALF)), 3), v128.load(F32_2P112));
  const zero = v128.and(head, v128.load(LOW_HALF));
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
