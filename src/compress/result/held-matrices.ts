/** Keeps the matrices of a block in memory until it is written: codes of 2 bits four in a byte, those of 3 and 4 bits two. */
import type { Bits, LinearShape } from "../../tensor/linear-shape.ts";
import { groupCount, type QuantizedMatrix } from "../../tensor/quantized-matrix.ts";

/** Matrices by the names of their linears. */
export interface MatricesByName extends Iterable<readonly [string, QuantizedMatrix]> {
  get(name: string): QuantizedMatrix | undefined;
}

/** A matrix that is asked for gets codes of its own, one in a byte. */
export class HeldMatrices implements MatricesByName {
  /** Matrices whose codes are packed. */
  readonly #held: Map<string, QuantizedMatrix> = new Map();

  set(name: string, matrix: QuantizedMatrix): void {
    this.#held.set(name, { ...matrix, codes: packCodes(matrix) });
  }

  get(name: string): QuantizedMatrix | undefined {
    const held = this.#held.get(name);
    return held && { ...held, codes: unpackCodes(held) };
  }

  *[Symbol.iterator](): Iterator<readonly [string, QuantizedMatrix]> {
    for (const name of this.#held.keys()) yield [name, this.get(name) as QuantizedMatrix];
  }
}

/** Bytes that a held matrix of these bits takes. */
export function heldBytes({ rows, cols }: Pick<LinearShape, "rows" | "cols">, bits: Bits, groupSize: number): number {
  const [scale, zero, order] = [4, 1, 8];
  return (
    Math.ceil((rows * cols) / codesInByte(bits)) + rows * groupCount(cols, groupSize) * (scale + zero) + order * cols
  );
}

function codesInByte(bits: number): number {
  return Math.floor(8 / bits);
}

/** The first part of the codes in the lowest bits of each byte, the next part above it. */
function packCodes({ codes, bits }: QuantizedMatrix): Uint8Array {
  const parts = codesInByte(bits);
  if (parts === 1) return codes;
  const packed = new Uint8Array(Math.ceil(codes.length / parts));
  for (let part = 0; part < parts; part++) {
    const [start, shift] = [part * packed.length, part * bits];
    const count = Math.min(packed.length, codes.length - start);
    for (let at = 0; at < count; at++) packed[at] |= codes[start + at] << shift;
  }
  return packed;
}

function unpackCodes({ rows, cols, codes: packed, bits }: QuantizedMatrix): Uint8Array {
  const parts = codesInByte(bits);
  if (parts === 1) return packed;
  const codes = new Uint8Array(rows * cols);
  const mask = 2 ** bits - 1;
  for (let part = 0; part < parts; part++) {
    const [start, shift] = [part * packed.length, part * bits];
    const count = Math.min(packed.length, codes.length - start);
    for (let at = 0; at < count; at++) codes[start + at] = (packed[at] >> shift) & mask;
  }
  return codes;
}
