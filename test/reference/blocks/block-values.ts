/** Weights of panels of blocks, from their plain arrays. */

import { f16Value } from "../../../src/tensor/float16.ts";
import type { BlockForm } from "../../../src/tensor/matrix.ts";
import { mulberry32 } from "../../helpers/random.ts";

/** Bits of a code, columns of a group and of a block, of all types of blocks. */
export const BLOCK_FORMS = [
  [4, 32, 32],
  [5, 32, 32],
  [2, 16, 256],
  [4, 32, 256],
  [5, 32, 256],
  [6, 16, 256],
] as const;

/** Rows of blocks as plain arrays. */
export interface BlockRows extends BlockForm {
  readonly rows: number;
  readonly cols: number;
  /** [rows, cols], signed. */
  readonly codes: Int8Array;
  /** [rows, cols / blockSize]: f16 bits of the units of scales (upper half) and minimums. */
  readonly heads: Uint32Array;
  /** [rows, cols / groupSize]: scale and minimum, signed bytes. */
  readonly pairs: Int8Array;
}

/** f32 [rows, cols]: each operation is rounded. For the codes of real types only the difference is. */
export function blockWeights({ rows, cols, bits, codes, heads, pairs, groupSize, blockSize }: BlockRows): Float32Array {
  return Float32Array.from({ length: rows * cols }, (_, i) => {
    const [row, col] = [Math.floor(i / cols), i % cols];
    const head = heads[row * (cols / blockSize) + Math.floor(col / blockSize)];
    const pair = 2 * (row * (cols / groupSize) + Math.floor(col / groupSize));
    const product = Math.fround(f16Value(head >>> 16) * pairs[pair] * codes[i]);
    return bits === 6 ? product + 0 : product - f16Value(head & 0xffff) * pairs[pair + 1];
  });
}

/** Any blocks that panels can hold: codes over their whole range, units of both signs, subnormal ones among them. */
export function randomBlockRows(
  form: Pick<BlockRows, "bits" | "groupSize" | "blockSize" | "rows" | "cols">,
): BlockRows {
  const { bits, rows, cols, groupSize, blockSize } = form;
  const random = mulberry32(bits * 1000 + groupSize + blockSize + rows);
  const below = (count: number) => Math.floor(count * random());
  const unit = () => (below(2) << 15) | (below(16) << 10) | below(1024);
  return {
    ...form,
    codes: Int8Array.from({ length: rows * cols }, () => below(2 ** bits) - (bits === 6 ? 32 : 0)),
    heads: Uint32Array.from({ length: (rows * cols) / blockSize }, () => (unit() << 16) | unit()),
    pairs: Int8Array.from({ length: (2 * rows * cols) / groupSize }, (_, i) => {
      if (blockSize === groupSize) return 1;
      return bits === 6 && i % 2 === 1 ? 0 : below(256) - 128;
    }),
  };
}
