/** Unpacks the K types, whose blocks have 256 elements in groups of 16 or 32 with scales (and minimums) of their own. */

import { type BlockCodes, wordAt } from "./block-parts.ts";

/** Q2_K: 16 bytes of scales (low half) and minimums (high half), 64 of codes, d, dmin. Each 32 bytes hold four runs of 32 elements. */
export function unpackQ2K(bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  for (let g = 0; g < 16; g++) {
    into.scales[16 * block + g] = bytes[from + g] & 15;
    into.mins[16 * block + g] = bytes[from + g] >> 4;
  }
  into.d[block] = wordAt(bytes, from + 80);
  into.dmin[block] = wordAt(bytes, from + 82);
  for (let i = 0; i < 256; i++) into.codes[256 * block + i] = twoBits(bytes, from + 16, i);
}

/** Element i of 64 bytes in which each 32 bytes hold four runs of 32 elements, two bits a run. */
function twoBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + 32 * (i >> 7) + (i & 31)] >> (2 * ((i >> 5) & 3))) & 3;
}

/** Q3_K: 32 bytes of high bits (one of 8 runs a bit), 64 of low bits as in Q2_K, 12 of scales minus 32, d. */
export function unpackQ3K(bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  const scales = from + 96;
  for (let g = 0; g < 16; g++) {
    const low = g < 8 ? bytes[scales + g] & 15 : bytes[scales + g - 8] >> 4;
    const high = (bytes[scales + 8 + (g & 3)] >> (2 * (g >> 2))) & 3;
    into.scales[16 * block + g] = (low | (high << 4)) - 32;
  }
  into.d[block] = wordAt(bytes, from + 108);
  for (let i = 0; i < 256; i++) {
    const high = (bytes[from + (i & 31)] >> (i >> 5)) & 1;
    into.codes[256 * block + i] = (twoBits(bytes, from + 32, i) | (high << 2)) - 4;
  }
}

/** Scales and minimums of Q4_K and Q5_K: eight of 6 bits each in 12 bytes. The last four have their high bits in the first eight bytes. */
function unpackScales(bytes: Uint8Array, at: number, into: BlockCodes, block: number): void {
  for (let g = 0; g < 8; g++) {
    const [s, m] = [bytes[at + (g & 3)], bytes[at + 4 + (g & 3)]];
    const both = bytes[at + 4 + g];
    into.scales[8 * block + g] = g < 4 ? s & 63 : (both & 15) | ((s >> 6) << 4);
    into.mins[8 * block + g] = g < 4 ? m & 63 : (both >> 4) | ((m >> 6) << 4);
  }
}

/** Element i of 128 bytes in which each 32 bytes hold two runs of 32 elements, half a byte each. */
function fourBits(bytes: Uint8Array, at: number, i: number): number {
  return (bytes[at + 32 * (i >> 6) + (i & 31)] >> (4 * ((i >> 5) & 1))) & 15;
}

/** Q4_K: d, dmin, scales and minimums, 128 bytes of codes. */
export function unpackQ4K(bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  into.d[block] = wordAt(bytes, from);
  into.dmin[block] = wordAt(bytes, from + 2);
  unpackScales(bytes, from + 4, into, block);
  for (let i = 0; i < 256; i++) into.codes[256 * block + i] = fourBits(bytes, from + 16, i);
}

/** Q5_K: as Q4_K, with 32 bytes of high bits (one of 8 runs a bit) before the low ones. */
export function unpackQ5K(bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  into.d[block] = wordAt(bytes, from);
  into.dmin[block] = wordAt(bytes, from + 2);
  unpackScales(bytes, from + 4, into, block);
  for (let i = 0; i < 256; i++) {
    const high = (bytes[from + 16 + (i & 31)] >> (i >> 5)) & 1;
    into.codes[256 * block + i] = fourBits(bytes, from + 48, i) | (high << 4);
  }
}

/** Q6_K: 128 bytes of low halves, 64 of two high bits, 16 signed scales, d. Each 64 and 32 of them hold four runs of 32 elements. */
export function unpackQ6K(bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  for (let g = 0; g < 16; g++) into.scales[16 * block + g] = bytes[from + 192 + g];
  into.d[block] = wordAt(bytes, from + 208);
  for (let i = 0; i < 256; i++) {
    const half = i >> 7;
    const run = (i >> 5) & 3;
    const low = (bytes[from + 64 * half + 32 * (run & 1) + (i & 31)] >> (4 * (run >> 1))) & 15;
    const high = (bytes[from + 128 + 32 * half + (i & 31)] >> (2 * run)) & 3;
    into.codes[256 * block + i] = (low | (high << 4)) - 32;
  }
}
