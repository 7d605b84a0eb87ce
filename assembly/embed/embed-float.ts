// Reads single rows of float panels as f32 (embedding).
import { BF16, bytesOf, F16, F32, isBf16 } from "../common/bits";

/** One float weight as f32, exactly. The bits of an f16 are shifted to their place in an f32, then scaled by 2^112, subnormals included. */
@inline function widen<S>(p: usize): f32 {
  if (bytesOf<S>() == 4) return load<f32>(p);
  const bits = <u32>load<u16>(p);
  if (isBf16<S>()) return reinterpret<f32>(bits << 16);
  return reinterpret<f32>(((bits & 0x8000) << 16) | ((bits & 0x7fff) << 13)) * reinterpret<f32>(0x77800000);
}

/** y[t] = row ids[t] of the panels. */
function embed<S>(first: i32, last: i32, y: usize, ids: usize, weights: usize, k: i32, ldy: i32): void {
  for (let t = first; t < last; t++) {
    const id = load<i32>(ids + (<usize>t << 2));
    const to = y + (<usize>t * <usize>ldy << 2);
    const from = weights + (<usize>(id >> 4) * <usize>k * 16 + <usize>(id & 15)) * bytesOf<S>();
    for (let col: usize = 0; col < <usize>k; col++) store<f32>(to + (col << 2), widen<S>(from + col * 16 * bytesOf<S>()));
  }
}

/** y[T,K] = rows ids[T] of f32 panels; a unit is a token. */
export function embed_f32(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, ldy: i32): void {
  embed<F32>(first, last, y, ids, weights, k, ldy);
}
/** y[T,K] = rows ids[T] of f16 panels; a unit is a token. */
export function embed_f16(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, ldy: i32): void {
  embed<F16>(first, last, y, ids, weights, k, ldy);
}
/** y[T,K] = rows ids[T] of bf16 panels; a unit is a token. */
export function embed_bf16(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, ldy: i32): void {
  embed<BF16>(first, last, y, ids, weights, k, ldy);
}
