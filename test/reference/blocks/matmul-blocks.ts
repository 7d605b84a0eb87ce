/** One quantised row times blocks, one code at a time, in the order of docs/kernels.md. */
import { f16Value } from "../../../src/tensor/float16.ts";
import type { RoundedRow } from "../matmul/activations.ts";
import type { BlockRows } from "./block-values.ts";

const { fround } = Math;

/** The row is rounded in groups of the blocks' groups. Equal to the kernels bit for bit. */
export function matmulBlocks(part: BlockRows, { codes: x, scales, sums }: RoundedRow): Float32Array {
  const { rows, cols, bits, groupSize, blockSize } = part;
  const y = new Float32Array(rows);
  const groups = cols / groupSize;
  for (let row = 0; row < rows; row++) {
    for (let g = 0; g < groups; g++) {
      const head = part.heads[row * (cols / blockSize) + Math.floor((g * groupSize) / blockSize)];
      const [factor, minFactor] = part.pairs.subarray(2 * (row * groups + g), 2 * (row * groups + g) + 2);
      const scale = fround(f16Value(head >>> 16) * factor);
      // Codes of 6 bits are stored as code + 32, with a minimum of 32 scales.
      const zero = bits === 6 ? 32 : 0;
      const min = bits === 6 ? 32 * scale : fround(f16Value(head & 0xffff) * minFactor);
      let dot = 0;
      for (let col = g * groupSize; col < (g + 1) * groupSize; col++)
        dot += x[col] * (part.codes[row * cols + col] + zero);
      const product = fround(fround(dot) * scale);
      const value = fround(product - fround(fround(sums[g]) * min));
      y[row] = fround(y[row] + fround(value * scales[g]));
    }
  }
  return y;
}
