import { describe, expect, it } from "vitest";
import { HeldMatrices, heldBytes } from "../../../src/compress/result/held-matrices.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../../../src/tensor/quantized-matrix.ts";

/** Codes that take every value of their bits. */
function matrixOf(bits: 2 | 3 | 4 | 8, rows: number, cols: number): QuantizedMatrix {
  const codes = Uint8Array.from({ length: rows * cols }, (_, at) => (5 * at + (at >> 3)) % 2 ** bits);
  const scales = Float32Array.from({ length: rows }, (_, row) => row + 0.5);
  const order = { gIdx: naturalGroups(cols, -1), perm: naturalOrder(cols) };
  return { ...{ rows, cols, bits, groupSize: -1, groups: 1, codes, scales, zeros: new Uint8Array(rows) }, ...order };
}

describe("matrices that wait until their block is written", () => {
  const sizes = [
    [1, 1],
    [3, 7],
    [5, 33],
    [16, 64],
  ];
  it.each([2, 3, 4, 8] as const)("come back whole with codes of %i bits, whatever their number", (bits) => {
    const held = new HeldMatrices();
    const given = sizes.map(([rows, cols]) => matrixOf(bits, rows, cols));
    for (const matrix of given) held.set(`${matrix.rows}x${matrix.cols}`, matrix);
    expect([...held]).toEqual(given.map((matrix) => [`${matrix.rows}x${matrix.cols}`, matrix]));
    for (const matrix of given) expect(held.get(`${matrix.rows}x${matrix.cols}`)).toEqual(matrix);
    expect(held.get("another")).toBeUndefined();
  });

  it("take the bytes that are counted for them: codes of 2 bits a quarter, of 3 and 4 bits half", () => {
    const [rows, cols] = [64, 256];
    const rest = 4 * rows * 5 + 8 * cols;
    expect(heldBytes({ rows, cols }, 2, 64)).toBe(rows * 64 + rest);
    expect(heldBytes({ rows, cols }, 3, 64)).toBe(rows * 128 + rest);
    expect(heldBytes({ rows, cols }, 4, 64)).toBe(rows * 128 + rest);
    expect(heldBytes({ rows, cols }, 8, -1)).toBe(rows * 256 + 5 * rows + 8 * cols);
  });
});
