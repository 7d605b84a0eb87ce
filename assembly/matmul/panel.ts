// Panels of 16 rows: their sizes, and the kernels that pack rows into them (layout: docs/kernels.md; twin: src/tensor/panel.ts).
import { bitsOf } from "../common/bits";
import { packChunkOf, unpackChunkOf } from "./codes";

/** Bytes of a group's head: 16 words of f16 scale and zero. */
export const GROUP_HEAD: usize = 64;

/** Bytes of a packed group: head and codes. */
@inline export function groupBytes<W>(groupSize: i32): usize {
  return GROUP_HEAD + <usize>(2 * groupSize * bitsOf<W>());
}

/** Bytes of a packed panel. */
@inline export function panelBytes<W>(k: i32, groupSize: i32): usize {
  return <usize>(k / groupSize) * groupBytes<W>(groupSize);
}

/** `panelBytes` for a width that is known at run time only. */
export function panelBytesOf(bits: i32, k: i32, groupSize: i32): usize {
  return <usize>(k / groupSize) * (GROUP_HEAD + <usize>(2 * groupSize * bits));
}

/** panels[p] from codes u8[N,K], scales u16[N,K/G] (f16 bits) and zeros u8[N,K/G]; a unit is a panel; scratch 512 bytes. */
function packRows(bits: i32, first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32): void {
  const groups = k / groupSize;
  let to = out + <usize>first * panelBytesOf(bits, k, groupSize);
  for (let row = first * 16; row < last * 16; row += 16) {
    const rows = min(16, n - row);
    for (let g = 0; g < groups; g++) {
      memory.fill(to, 0, GROUP_HEAD);
      for (let r = 0; r < rows; r++) {
        const at = <usize>((row + r) * groups + g);
        store<u32>(to + (<usize>r << 2), (<u32>load<u16>(scales + (at << 1)) << 16) | load<u8>(zeros + at));
      }
      to += GROUP_HEAD;
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
function unpackRows(bits: i32, first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32): void {
  const groups = k / groupSize;
  let from = weights + <usize>first * panelBytesOf(bits, k, groupSize);
  for (let row = first * 16; row < last * 16; row += 16) {
    const rows = min(16, n - row);
    for (let g = 0; g < groups; g++) {
      for (let r = 0; r < rows; r++) {
        const at = <usize>((row + r) * groups + g);
        const head = load<u32>(from + (<usize>r << 2));
        store<u16>(scales + (at << 1), <u16>(head >> 16));
        store<u8>(zeros + at, <u8>head);
      }
      from += GROUP_HEAD;
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

export function pack_w2(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32): void {
  packRows(2, first, last, scratch, out, codes, scales, zeros, n, k, groupSize);
}
export function pack_w3(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32): void {
  packRows(3, first, last, scratch, out, codes, scales, zeros, n, k, groupSize);
}
export function pack_w4(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32): void {
  packRows(4, first, last, scratch, out, codes, scales, zeros, n, k, groupSize);
}
export function pack_w8(first: i32, last: i32, scratch: usize, out: usize, codes: usize, scales: usize, zeros: usize, n: i32, k: i32, groupSize: i32): void {
  packRows(8, first, last, scratch, out, codes, scales, zeros, n, k, groupSize);
}

export function unpack_w2(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32): void {
  unpackRows(2, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize);
}
export function unpack_w3(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32): void {
  unpackRows(3, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize);
}
export function unpack_w4(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32): void {
  unpackRows(4, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize);
}
export function unpack_w8(first: i32, last: i32, scratch: usize, codes: usize, scales: usize, zeros: usize, weights: usize, n: i32, k: i32, groupSize: i32): void {
  unpackRows(8, first, last, scratch, codes, scales, zeros, weights, n, k, groupSize);
}
