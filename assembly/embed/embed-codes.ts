// Reads single rows of packed panels as f32 (embedding). The panels are those of the matmuls, so that a tied head uses the same bytes.
import { unpackChunkOf } from "../matmul/codes";
import { headBytes, panelBytes } from "../matmul/panel";

/** The value of f16 bits as f32: shifted to their place, then scaled by 2^112. */
@inline function scaleOf(bits: i32): f32 {
  return reinterpret<f32>((bits << 13) & 0x8fffe000) * reinterpret<f32>(0x77800000);
}

/** y[t, perm[col]] = row ids[t] of the panels; `perm` 0: columns stay in their order. */
function embed(bits: i32, first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, groupSize: i32, ldy: i32, perm: usize, zero: i32): void {
  const groups = k / groupSize;
  for (let t = first; t < last; t++) {
    const id = load<i32>(ids + (<usize>t << 2));
    const to = y + (<usize>t * <usize>ldy << 2);
    const lane = <usize>(id & 15) << 2;
    let from = weights + <usize>(id >> 4) * panelBytes(bits, k, groupSize, zero);
    for (let g = 0; g < groups; g++) {
      const scale = scaleOf(load<i16>(from + (lane >> 1)));
      const point = zero < 0 ? <i32>load<u8>(from + (lane >> 2), 32) : zero;
      from += headBytes(zero);
      for (let col = g * groupSize; col < (g + 1) * groupSize; col += 32) {
        unpackChunkOf(bits, scratch, from);
        from += <usize>(64 * bits);
        for (let i = 0; i < 32; i++) {
          const code = <i32>load<u8>(scratch + (<usize>(i >> 2) << 6) + lane + <usize>(i & 3));
          const at = perm ? load<i32>(perm + (<usize>(col + i) << 2)) : col + i;
          store<f32>(to + (<usize>at << 2), scale * <f32>(code - point));
        }
      }
    }
  }
}

/** y[T,K] = rows ids[T] of panels of 2-bit codes, their columns in the order `perm`; a unit is a token; scratch 512 bytes. */
export function embed_w2(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, groupSize: i32, ldy: i32, perm: usize, zero: i32): void {
  embed(2, first, last, scratch, y, ids, weights, k, groupSize, ldy, perm, zero);
}
/** y[T,K] = rows ids[T] of panels of 3-bit codes, their columns in the order `perm`; a unit is a token; scratch 512 bytes. */
export function embed_w3(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, groupSize: i32, ldy: i32, perm: usize, zero: i32): void {
  embed(3, first, last, scratch, y, ids, weights, k, groupSize, ldy, perm, zero);
}
/** y[T,K] = rows ids[T] of panels of 4-bit codes, their columns in the order `perm`; a unit is a token; scratch 512 bytes. */
export function embed_w4(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, groupSize: i32, ldy: i32, perm: usize, zero: i32): void {
  embed(4, first, last, scratch, y, ids, weights, k, groupSize, ldy, perm, zero);
}
/** y[T,K] = rows ids[T] of panels of 8-bit codes, their columns in the order `perm`; a unit is a token; scratch 512 bytes. */
export function embed_w8(first: i32, last: i32, scratch: usize, y: usize, ids: usize, weights: usize, k: i32, groupSize: i32, ldy: i32, perm: usize, zero: i32): void {
  embed(8, first, last, scratch, y, ids, weights, k, groupSize, ldy, perm, zero);
}
