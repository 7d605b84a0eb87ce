/** Computes the weights of quantised blocks as f32, as llama.cpp does. */

import { f16Value } from "../../../tensor/float16.ts";
import type { BlockType } from "../gguf-types.ts";
import { blockForm, unpackBlocks } from "./block-codes.ts";
import type { BlockCodes } from "./block-parts.ts";

/** The f32 weights of all blocks of `bytes`. Products of scales and codes are exact; the difference is rounded once. */
export function blockValues(type: BlockType, bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const form = blockForm(type.name);
  if (form === undefined) return mxfp4Values(bytes);
  const parts = unpackBlocks(type, form, bytes);
  const values = new Float32Array(parts.codes.length);
  for (let g = 0; g < parts.scales.length; g++) {
    const first = g * form.group;
    const { scale, min } = groupGrid(parts, g, Math.floor(first / type.elements));
    for (let i = first; i < first + form.group; i++) values[i] = scale * parts.codes[i] - min;
  }
  return values;
}

/** The grid of a group: weights are `scale * code - min`. */
export function groupGrid(parts: BlockCodes, group: number, block: number): { scale: number; min: number } {
  return {
    scale: f16Value(parts.d[block]) * parts.scales[group],
    min: f16Value(parts.dmin[block]) * parts.mins[group],
  };
}

/** The values of MXFP4's codes times two (OCP Microscaling formats): sign, two bits of exponent, one of fraction. */
export const FP4_DOUBLES: readonly number[] = [0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12];

/** Blocks of 32 elements: the exponent of the scale plus 127, then codes, element j in the low half of byte j and j + 16 in the high half. */
function mxfp4Values(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  const values = new Float32Array((bytes.length / 17) * 32);
  for (let from = 0, to = 0; from < bytes.length; from += 17, to += 32) {
    const half = 2 ** (bytes[from] - 128);
    for (let j = 0; j < 16; j++) {
      const both = bytes[from + 1 + j];
      values[to + j] = FP4_DOUBLES[both & 15] * half;
      values[to + 16 + j] = FP4_DOUBLES[both >> 4] * half;
    }
  }
  return values;
}
