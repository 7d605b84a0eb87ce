/** Makes blocks of GGUF's types for tests: any bytes, with scales that are small numbers of either sign. */
import { type TwinType, TYPES } from "../reference/gguf-blocks.ts";
import { mulberry32 } from "./random.ts";

/** Blocks of `count` elements whose weights are around `size`. */
export function randomBlocks(type: TwinType, count: number, seed: number, size: number = 1): Uint8Array {
  const { elements, bytes, halves } = TYPES[type];
  const random = mulberry32(seed);
  const blocks = Uint8Array.from({ length: (count / elements) * bytes }, () => Math.floor(256 * random()));
  const exponent = 15 + Math.floor(Math.log2(size / LARGEST[type]));
  for (let from = 0; from < blocks.length; from += bytes) {
    if (type === "MXFP4") blocks[from] = 127 + Math.floor(Math.log2(size)) - Math.floor(4 * random());
    for (const at of halves) {
      const bits = (random() < 0.3 ? 0x8000 : 0) | (exponent << 10) | Math.floor(1024 * random());
      blocks[from + at] = bits & 255;
      blocks[from + at + 1] = bits >> 8;
    }
  }
  return blocks;
}

/** The largest product of scales and codes of a type. */
const LARGEST: Readonly<Record<TwinType, number>> = {
  ...{
    Q4_0: 8,
    Q4_1: 16,
    Q5_0: 16,
    Q5_1: 32,
    Q8_0: 128,
    Q2_K: 45,
    Q3_K: 128,
    Q4_K: 945,
    Q5_K: 1953,
    Q6_K: 4096,
    MXFP4: 1,
  },
};
