/** Records the embedding: rows of a matrix, float or packed, as the first hidden states. */
import type { Matrix } from "../tensor/matrix.ts";
import type { Emit, Rows } from "./emit.ts";

/** Records h[T,D] = rows `ids` of the matrix [V,D]; `ids` is the address of i32 [T]. Codes are dequantised exactly in every mode. */
export function embed({ tape }: Emit, h: Rows, ids: number, matrix: Matrix): void {
  const { ptr, cols } = matrix;
  if (matrix.kind === "float") tape.call(`embed_${matrix.dtype}`, h.rows, cols, h.ptr, ids, ptr, cols, h.ld);
  else if (matrix.kind === "blocks") {
    const { bits, blockSize } = matrix;
    tape.call("embed_blocks", h.rows, 16 * cols, h.ptr, ids, ptr, cols, h.ld, bits, blockSize);
  }
  // All 16 rows of each panel that is read are unpacked.
  else
    tape.call(
      `embed_w${matrix.bits}`,
      h.rows,
      16 * cols,
      ...[h.ptr, ids, ptr, cols, matrix.groupSize, h.ld, matrix.permPtr, matrix.zero],
    );
}
