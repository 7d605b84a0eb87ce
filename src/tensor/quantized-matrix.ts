/** A quantised linear as plain arrays: the result of GPTQ, the content of files, and the source of packed panels. */
import type { Bits } from "./linear-shape.ts";
import { OWN_ZEROS } from "./panel.ts";

/** w[n,k] = scales[n, g] (codes[n,k] - zeros[n, g]) with g = gIdx[k], exact in f32. Columns are in the model's order. */
export interface QuantizedMatrix {
  /** N, the outputs. */
  readonly rows: number;
  /** K, the inputs. */
  readonly cols: number;
  readonly bits: Bits;
  /** Columns that share a scale and a zero; -1 for the whole row. */
  readonly groupSize: number;
  /** G, groups of a row. */
  readonly groups: number;
  /** [N, K]. */
  readonly codes: Uint8Array;
  /** [N, G]. Representable in f16, unless they were rounded to f32. */
  readonly scales: Float32Array;
  /** [N, G], true zero points. */
  readonly zeros: Uint8Array;
  /** The group of each column, [K]. */
  readonly gIdx: Int32Array;
  /** The column perm[i] was quantised as the i-th, [K]. Files do not contain it; from them it is the natural order. */
  readonly perm: Int32Array;
}

/** The zero that all groups share; `OWN_ZEROS` if they do not. */
export function sharedZero(zeros: Uint8Array): number {
  const [zero = 0] = zeros;
  return zeros.every((other) => other === zero) ? zero : OWN_ZEROS;
}

/** The first of the codes that does not fit its bits, or -1. Matrices have millions of codes, so four are looked at together where they lie aligned. */
export function firstTooLarge(codes: Uint8Array, bits: Bits): number {
  const top = 2 ** bits - 1;
  let at = 0;
  if (codes.byteOffset % 4 === 0) {
    const quads = new Int32Array(codes.buffer, codes.byteOffset, codes.length >> 2);
    const beyond = (255 - top) * 0x01010101;
    while (at < quads.length && (quads[at] & beyond) === 0) at++;
    at *= 4;
  }
  for (; at < codes.length; at++) if (codes[at] > top) return at;
  return -1;
}

/** Groups of a row of `cols` columns; the last may be short. */
export function groupCount(cols: number, groupSize: number): number {
  return groupSize === -1 ? 1 : Math.ceil(cols / groupSize);
}

/** The group of each column, [K], if groups are runs of consecutive columns. */
export function naturalGroups(cols: number, groupSize: number): Int32Array {
  return Int32Array.from({ length: cols }, (_, col) => (groupSize === -1 ? 0 : Math.floor(col / groupSize)));
}

/** Columns in their natural order, [K]. */
export function naturalOrder(cols: number): Int32Array {
  return Int32Array.from({ length: cols }, (_, col) => col);
}

/** Rows [first, first + count) of a matrix, as views of its arrays. */
export function rowsOfMatrix(matrix: QuantizedMatrix, first: number, count: number): QuantizedMatrix {
  const { cols, groups, codes, scales, zeros } = matrix;
  const [from, to] = [first * groups, (first + count) * groups];
  return {
    ...matrix,
    rows: count,
    codes: codes.subarray(first * cols, (first + count) * cols),
    scales: scales.subarray(from, to),
    zeros: zeros.subarray(from, to),
  };
}
