/**
 * Packs and unpacks blocks of GPTQ's format: 32/b codes in one int32 word, the low bits first; at 3 bits 32 codes in three words, of
 * which two codes cross the border of a word. Shifts and masks spread four codes of b bits to four bytes, so codes are a Uint32Array.
 */
import type { Bits } from "../../tensor/linear-shape.ts";

/** Unpacks one block: 32/b codes from one word, or at 3 bits 32 codes from three words that are `stride` apart. */
export function unpackBlock(
  words: Int32Array,
  at: number,
  stride: number,
  quads: Uint32Array,
  quad: number,
  bits: Bits,
): void {
  const a = words[at];
  if (bits === 8) quads[quad] = a;
  else if (bits === 4) {
    quads[quad] = spread4(a & 0xffff);
    quads[quad + 1] = spread4(a >>> 16);
  } else if (bits === 2) {
    quads[quad] = spread2(a & 0xff);
    quads[quad + 1] = spread2((a >>> 8) & 0xff);
    quads[quad + 2] = spread2((a >>> 16) & 0xff);
    quads[quad + 3] = spread2(a >>> 24);
  } else {
    const b = words[at + stride];
    const c = words[at + 2 * stride];
    quads[quad] = spread3(a & 0xfff);
    quads[quad + 1] = spread3((a >>> 12) & 0xfff);
    quads[quad + 2] = spread3((a >>> 24) | ((b & 0xf) << 8));
    quads[quad + 3] = spread3((b >>> 4) & 0xfff);
    quads[quad + 4] = spread3((b >>> 16) & 0xfff);
    quads[quad + 5] = spread3((b >>> 28) | ((c & 0xff) << 4));
    quads[quad + 6] = spread3((c >>> 8) & 0xfff);
    quads[quad + 7] = spread3(c >>> 20);
  }
}

/** The inverse of `unpackBlock`. */
export function packBlock(
  quads: Uint32Array,
  quad: number,
  words: Int32Array,
  at: number,
  stride: number,
  bits: Bits,
): void {
  if (bits === 8) words[at] = quads[quad];
  else if (bits === 4) words[at] = gather4(quads[quad]) | (gather4(quads[quad + 1]) << 16);
  else if (bits === 2)
    words[at] =
      gather2(quads[quad]) |
      (gather2(quads[quad + 1]) << 8) |
      (gather2(quads[quad + 2]) << 16) |
      (gather2(quads[quad + 3]) << 24);
  else {
    const c2 = gather3(quads[quad + 2]);
    const c5 = gather3(quads[quad + 5]);
    words[at] = gather3(quads[quad]) | (gather3(quads[quad + 1]) << 12) | (c2 << 24);
    words[at + stride] = (c2 >>> 8) | (gather3(quads[quad + 3]) << 4) | (gather3(quads[quad + 4]) << 16) | (c5 << 28);
    words[at + 2 * stride] = (c5 >>> 4) | (gather3(quads[quad + 6]) << 8) | (gather3(quads[quad + 7]) << 20);
  }
}

function spread4(x: number): number {
  const pairs = (x | (x << 8)) & 0x00ff00ff;
  return (pairs | (pairs << 4)) & 0x0f0f0f0f;
}

function spread2(x: number): number {
  const pairs = (x | (x << 12)) & 0x000f000f;
  return (pairs | (pairs << 6)) & 0x03030303;
}

function spread3(x: number): number {
  const pairs = (x | (x << 10)) & 0x003f003f;
  return (pairs | (pairs << 5)) & 0x07070707;
}

function gather4(x: number): number {
  const pairs = (x | (x >>> 4)) & 0x00ff00ff;
  return (pairs | (pairs >>> 8)) & 0xffff;
}

function gather2(x: number): number {
  const pairs = (x | (x >>> 6)) & 0x000f000f;
  return (pairs | (pairs >>> 12)) & 0xff;
}

function gather3(x: number): number {
  const pairs = (x | (x >>> 5)) & 0x003f003f;
  return (pairs | (pairs >>> 10)) & 0xfff;
}
