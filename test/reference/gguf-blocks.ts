/** A naive reader of GGUF's blocks in float64, written from the published layouts, element by element as they lie in the bytes. */
import { f16Value } from "../../src/tensor/float16.ts";

type Read = (block: Uint8Array, out: (index: number, value: number) => void) => void;

const half = (b: Uint8Array, at: number) => f16Value(b[at] | (b[at + 1] << 8));
const signed = (byte: number) => (byte > 127 ? byte - 256 : byte);

/** Scale and minimum number j of the 12 bytes of Q4_K and Q5_K. */
function scaleAndMin(s: Uint8Array, j: number): readonly [number, number] {
  if (j < 4) return [s[j] & 63, s[j + 4] & 63];
  return [(s[j + 4] & 15) | ((s[j - 4] >> 6) << 4), (s[j + 4] >> 4) | ((s[j] >> 6) << 4)];
}

const q4k: Read = (b, out) => {
  for (let pair = 0; pair < 4; pair++)
    for (let l = 0; l < 32; l++) {
      const [s0, m0] = scaleAndMin(b.subarray(4, 16), 2 * pair);
      const [s1, m1] = scaleAndMin(b.subarray(4, 16), 2 * pair + 1);
      const q = b[16 + 32 * pair + l];
      out(64 * pair + l, half(b, 0) * s0 * (q & 15) - half(b, 2) * m0);
      out(64 * pair + 32 + l, half(b, 0) * s1 * (q >> 4) - half(b, 2) * m1);
    }
};

const q5k: Read = (b, out) => {
  for (let pair = 0; pair < 4; pair++)
    for (let l = 0; l < 32; l++) {
      const [s0, m0] = scaleAndMin(b.subarray(4, 16), 2 * pair);
      const [s1, m1] = scaleAndMin(b.subarray(4, 16), 2 * pair + 1);
      const q = b[48 + 32 * pair + l];
      const high = b[16 + l];
      out(64 * pair + l, half(b, 0) * s0 * ((q & 15) + (high & (1 << (2 * pair)) ? 16 : 0)) - half(b, 2) * m0);
      out(64 * pair + 32 + l, half(b, 0) * s1 * ((q >> 4) + (high & (2 << (2 * pair)) ? 16 : 0)) - half(b, 2) * m1);
    }
};

const q6k: Read = (b, out) => {
  const scale = (j: number) => half(b, 208) * signed(b[192 + j]);
  for (let n = 0; n < 2; n++)
    for (let l = 0; l < 32; l++) {
      const [low, next, high] = [b[64 * n + l], b[64 * n + l + 32], b[128 + 32 * n + l]];
      const s = 8 * n + (l >> 4);
      out(128 * n + l, scale(s) * (((low & 15) | ((high & 3) << 4)) - 32));
      out(128 * n + l + 32, scale(s + 2) * (((next & 15) | (((high >> 2) & 3) << 4)) - 32));
      out(128 * n + l + 64, scale(s + 4) * (((low >> 4) | (((high >> 4) & 3) << 4)) - 32));
      out(128 * n + l + 96, scale(s + 6) * (((next >> 4) | ((high >> 6) << 4)) - 32));
    }
};

const q2k: Read = (b, out) => {
  let scale = 0;
  for (let n = 0; n < 2; n++)
    for (let shift = 0; shift < 8; shift += 2)
      for (let side = 0; side < 2; side++, scale++)
        for (let l = 0; l < 16; l++) {
          const q = (b[16 + 32 * n + 16 * side + l] >> shift) & 3;
          out(16 * scale + l, half(b, 80) * (b[scale] & 15) * q - half(b, 82) * (b[scale] >> 4));
        }
};

/** The sixteen scales of Q3_K from three little-endian words, as the published code shuffles them. */
function threeScales(b: Uint8Array): readonly number[] {
  const word = (at: number) => new DataView(b.buffer, b.byteOffset + at, 4).getUint32(0, true);
  const [a, c, top] = [word(0), word(4), word(8)];
  const words = [
    (a & 0x0f0f0f0f) | ((top & 0x03030303) << 4),
    (c & 0x0f0f0f0f) | (((top >>> 2) & 0x03030303) << 4),
    ((a >>> 4) & 0x0f0f0f0f) | (((top >>> 4) & 0x03030303) << 4),
    ((c >>> 4) & 0x0f0f0f0f) | (((top >>> 6) & 0x03030303) << 4),
  ];
  return words.flatMap((each) => [0, 8, 16, 24].map((shift) => ((each >>> shift) & 255) - 32));
}

const q3k: Read = (b, out) => {
  const scales = threeScales(b.slice(96, 108));
  let scale = 0;
  let mask = 1;
  for (let n = 0; n < 2; n++)
    for (let shift = 0; shift < 8; shift += 2, mask <<= 1)
      for (let side = 0; side < 2; side++, scale++)
        for (let l = 0; l < 16; l++) {
          const at = 16 * side + l;
          const q = ((b[32 + 32 * n + at] >> shift) & 3) - (b[at] & mask ? 0 : 4);
          out(16 * scale + l, half(b, 108) * scales[scale] * q);
        }
};

/** The small types: a scale, perhaps a minimum, perhaps fifth bits, then halves of bytes. */
function small(zero: number, withMin: boolean, withFifth: boolean): Read {
  return (b, out) => {
    const codes = 2 + (withMin ? 2 : 0) + (withFifth ? 4 : 0);
    const fifth = (j: number) => (withFifth ? ((b[codes - 4 + (j >> 3)] >> (j & 7)) & 1) << 4 : 0);
    for (let j = 0; j < 32; j++) {
      const q = (j < 16 ? b[codes + j] & 15 : b[codes + j - 16] >> 4) | fifth(j);
      out(j, half(b, 0) * (q - zero) + (withMin ? half(b, 2) : 0));
    }
  };
}

const q80: Read = (b, out) => {
  for (let j = 0; j < 32; j++) out(j, half(b, 0) * signed(b[2 + j]));
};

const mxfp4: Read = (b, out) => {
  const values = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
  for (let j = 0; j < 32; j++) {
    const q = j < 16 ? b[1 + j] & 15 : b[1 + j - 16] >> 4;
    out(j, (q & 8 ? -1 : 1) * values[q & 7] * 2 ** (b[0] - 127));
  }
};

/** For each type its number in the file, the elements and bytes of a block, and the offsets of its f16 numbers. */
export const TYPES = {
  Q4_0: { id: 2, elements: 32, bytes: 18, halves: [0], read: small(8, false, false) },
  Q4_1: { id: 3, elements: 32, bytes: 20, halves: [0, 2], read: small(0, true, false) },
  Q5_0: { id: 6, elements: 32, bytes: 22, halves: [0], read: small(16, false, true) },
  Q5_1: { id: 7, elements: 32, bytes: 24, halves: [0, 2], read: small(0, true, true) },
  Q8_0: { id: 8, elements: 32, bytes: 34, halves: [0], read: q80 },
  Q2_K: { id: 10, elements: 256, bytes: 84, halves: [80, 82], read: q2k },
  Q3_K: { id: 11, elements: 256, bytes: 110, halves: [108], read: q3k },
  Q4_K: { id: 12, elements: 256, bytes: 144, halves: [0, 2], read: q4k },
  Q5_K: { id: 13, elements: 256, bytes: 176, halves: [0, 2], read: q5k },
  Q6_K: { id: 14, elements: 256, bytes: 210, halves: [208], read: q6k },
  MXFP4: { id: 39, elements: 32, bytes: 17, halves: [], read: mxfp4 },
} as const;

export type TwinType = keyof typeof TYPES;
export const TWIN_TYPES = Object.keys(TYPES) as readonly TwinType[];

/** The weights of consecutive blocks in float64. */
export function dequantized(type: TwinType, bytes: Uint8Array): Float64Array {
  const { elements, bytes: blockBytes, read } = TYPES[type];
  const values = new Float64Array((bytes.length / blockBytes) * elements);
  for (let block = 0; block * blockBytes < bytes.length; block++)
    read(bytes.subarray(block * blockBytes, (block + 1) * blockBytes), (index, value) => {
      values[block * elements + index] = value;
    });
  return values;
}
