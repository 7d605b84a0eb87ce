// Weights as f32: four rows of a float panel in a register, or a piece of any panel written out.
import { bitsOf, bytesOf, isBf16, isPacked } from "./bits";
import { unpackChunk } from "./codes";
import { F16_REST, F16_SIGN, F32_2P112, HIGH_HALF, LOW_HALF } from "./constants";
import { GROUP_HEAD, groupBytes } from "./panel";

/** Four float weights as f32, exactly. An f16 moves to the place of an f32's bits and is scaled by 2^112, subnormals included. */
@inline export function widen4<S>(p: usize): v128 {
  if (bytesOf<S>() == 4) return v128.load(p);
  const bits = v128.load16x4_u(p);
  if (isBf16<S>()) return i32x4.shl(bits, 16);
  const sign = v128.and(i32x4.shl(bits, 16), v128.load(F16_SIGN));
  const rest = v128.and(i32x4.shl(bits, 13), v128.load(F16_REST));
  return f32x4.mul(v128.or(sign, rest), v128.load(F32_2P112));
}

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
    for (const end = out + (<usize>cols << 6); out < end; out += 16) {
      v128.store(out, widen4<S>(p));
      p += 4 * bytesOf<S>();
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
