/** Unpacks the types whose blocks have 32 elements and one scale. The low half of a byte is element j, the high half element j + 16. */

import { type BlockCodes, wordAt } from "./block-parts.ts";

/** The sign bit of an f16. */
const SIGN = 0x8000;

/** Where the codes of a block begin in its bytes, and in the unpacked codes. */
function begin(withMin: boolean, bytes: Uint8Array, from: number, into: BlockCodes, block: number): number {
  into.d[block] = wordAt(bytes, from);
  if (!withMin) return from + 2;
  // The file has a minimum that is added; here it is subtracted.
  into.dmin[block] = wordAt(bytes, from + 2) ^ SIGN;
  into.mins[block] = 1;
  return from + 4;
}

/** Q4_0: codes of 4 bits minus 8. Q4_1 (`withMin`): codes from 0, and a minimum. */
export function unpackQ4(withMin: boolean, bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  const at = begin(withMin, bytes, from, into, block);
  const zero = withMin ? 0 : 8;
  for (let j = 0, to = 32 * block; j < 16; j++, to++) {
    into.codes[to] = (bytes[at + j] & 15) - zero;
    into.codes[to + 16] = (bytes[at + j] >> 4) - zero;
  }
}

/** Q5_0: codes of 5 bits minus 16, whose high bits come first. Q5_1 (`withMin`): codes from 0, and a minimum. */
export function unpackQ5(withMin: boolean, bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  const at = begin(withMin, bytes, from, into, block);
  const high = wordAt(bytes, at) | (wordAt(bytes, at + 2) << 16);
  const zero = withMin ? 0 : 16;
  for (let j = 0, to = 32 * block; j < 16; j++, to++) {
    const both = bytes[at + 4 + j];
    into.codes[to] = ((both & 15) | (((high >>> j) & 1) << 4)) - zero;
    into.codes[to + 16] = ((both >> 4) | (((high >>> (j + 16)) & 1) << 4)) - zero;
  }
}

/** Q8_0: signed bytes. */
export function unpackQ8(bytes: Uint8Array, from: number, into: BlockCodes, block: number): void {
  into.d[block] = wordAt(bytes, from);
  for (let j = 0; j < 32; j++) into.codes[32 * block + j] = bytes[from + 2 + j];
}
