// Panels of 16 rows: their sizes, and the kernels that pack rows into them (layout: docs/kernels.md; twin: src/tensor/panel.ts).
import { packChunkOf, unpackChunkOf } from "./codes";

/** Bytes of a group's head: 16 f16 scales, and 16 bytes of zeros unless all rows and groups share the zero `zero` (>= 0). */
@inline export function headBytes(zero: i32): usize { return zero < 0 ? 48 : 32; }

/** Bytes of a packed group: head and codes. */
@inline export function groupBytes(bits: i32, groupSize: i32, zero: i32): usize {
  return headBytes(zero) + <usize>(2 * groupSize * bits);
}

/** Bytes of a packed panel. */
@inline export function panelBytes(bits: i32, k: i32, groupSize: i32, zero: i32): usize {
  return <usize>(k / groupSize) * groupBytes(bits, groupSize, zero);
}

/** panels[p] from codes u8[N,K], scales u16[N,K/G] (f16 bits) and, for a negative `zero`, zeros u8[N,K/G]; a unit is a panel; scratch 512 bytes. */
function packRows(bits: i32, first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  const groups = k / groupSize;
  let to = out + <usize>first * panelBytes(bits, k, groupSize, zero);
  for (let row = first * 16; row < last * 16; row += 16) {
    const rows = min(16, n - row);
    for (let g = 0; g < groups; g++) {
      memory.fill(to, 0, headBytes(zero));
      for (let r = 0; r < rows; r++) {
        const at = <usize>((row + r) * groups + g);
        store<u16>(to + (<usize>r << 1), load<u16>(scales + (at << 1)));
        if (zero < 0) store<u8>(to + <usize>r, load<u8>(zeros + at), 32);
      }
      to += headBytes(zero);
      for (let col = g * groupSize; col < (g + 1) * groupSize; col += 32) {
        memory.fill(scratch, 0, 512);
        for (let r = 0; r < rows; r++) {
          const from = codes + <usize>(row + r) * <usize>k + <usize>col;
          const lane = scratch + (<usize>r << 2);
          for (let i: usize = 0; i < 8; i++) store<u32>(lane + (i << 6), load<u32>(from + (i << 2)));
        }
        packChunkOf(bits, to, scratch);
        to += <usize>(64 * bits);
      }
    }
  }
}

/** Inverse of `packRows`: codes, scales and zeros of the rows below n; a unit is a panel; scratch 512 bytes. */
function unpackRows(bits: i32, first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  const groups = k / groupSize;
  let from = weights + <usize>first * panelBytes(bits, k, groupSize, zero);
  for (let row = first * 16; row < last * 16; row += 16) {
    const rows = min(16, n - row);
    for (let g = 0; g < groups; g++) {
      for (let r = 0; r < rows; r++) {
        const at = <usize>((row + r) * groups + g);
        store<u16>(scales + (at << 1), load<u16>(from + (<usize>r << 1)));
        store<u8>(zeros + at, zero < 0 ? load<u8>(from + <usize>r, 32) : <u8>zero);
      }
      from += headBytes(zero);
      for (let col = g * groupSize; col < (g + 1) * groupSize; col += 32) {
        unpackChunkOf(bits, scratch, from);
        for (let r = 0; r < rows; r++) {
          const to = codes + <usize>(row + r) * <usize>k + <usize>col;
          const lane = scratch + (<usize>r << 2);
          for (let i: usize = 0; i < 8; i++) store<u32>(to + (i << 2), load<u32>(lane + (i << 6)));
        }
        from += <usize>(64 * bits);
      }
    }
  }
}

export function pack_w2(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  packRows(2, first, last, scratch, out, codes, scales, zeros, n, k, groupSize, zero);
}
export function pack_w3(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  packRows(3, first, last, scratch, out, codes, scales, zeros, n, k, groupSize, zero);
}
export function pack_w4(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  packRows(4, first, last, scratch, out, codes, scales, zeros, n, k, groupSize, zero);
}
export function pack_w8(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  packRows(8, first, last, scratch, out, codes, scales, zeros, n, k, groupSize, zero);
}

export function unpack_w2(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  unpackRows(2, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize, zero);
}
export function unpack_w3(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  unpackRows(3, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize, zero);
}
export function unpack_w4(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  unpackRows(4, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize, zero);
}
export function unpack_w8(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32, zero: i32): void {
  unpackRows(8, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize, zero);
}
