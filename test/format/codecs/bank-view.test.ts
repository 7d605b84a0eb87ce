import { describe, expect, it } from "vitest";
import { ShapeError } from "../../../src/base/errors.ts";
import { floatCodec } from "../../../src/format/codecs/float-codec.ts";
import { readPart } from "../../../src/format/tensor-index.ts";
import { gaussians } from "../../helpers/random.ts";
import { bytesOf, indexOf } from "./checkpoint-in-memory.ts";

const [EXPERTS, ROWS, COLS] = [3, 5, 4];

/** Element (expert, block row, column) of a bank of two parts, in the layout of the disk. */
function bank(transposed: boolean) {
  const values = gaussians(EXPERTS * 2 * ROWS * COLS, 1);
  const at = (expert: number, row: number, col: number) =>
    values[expert * 2 * ROWS * COLS + (transposed ? col * 2 * ROWS + row : row * COLS + col)];
  const shape = transposed ? [EXPERTS, COLS, 2 * ROWS] : [EXPERTS, 2 * ROWS, COLS];
  const biases = gaussians(EXPERTS * 2 * ROWS, 2);
  const index = indexOf([
    { name: "bank", dtype: "F32", shape, bytes: bytesOf(values) },
    { name: "bias", dtype: "F32", shape: [EXPERTS, 2 * ROWS], bytes: bytesOf(biases) },
  ]);
  return { index, at, biases };
}

describe.each([
  ["in rows", false],
  ["in columns", true],
])("a tensor of experts %s", (_, transposed) => {
  it.each([
    ["part after part", ROWS, 1],
    ["with alternate rows", 1, 2],
  ])("gives the rows and the bias of one linear, %s", async (_, firstRow, rowStep) => {
    const { index, at, biases } = bank(transposed);
    const place = { tensor: "bank", expert: 2, blockRows: 2 * ROWS, firstRow, rowStep, transposed, bias: "bias" };
    const stored = floatCodec(index).locate({ name: "m", rows: ROWS, cols: COLS, bank: place });
    if (stored.kind !== "float") throw new Error("the bank is float");
    const rowOf = (row: number) => firstRow + row * rowStep;
    const expected = Float32Array.from({ length: ROWS * COLS }, (_, i) => at(2, rowOf(Math.floor(i / COLS)), i % COLS));
    expect(await stored.readRows(0, ROWS)).toEqual(expected);
    expect(await stored.readRows(1, 3)).toEqual(expected.slice(COLS, 4 * COLS));
    const bias = Array.from({ length: ROWS }, (_, row) => biases[2 * 2 * ROWS + rowOf(row)]);
    expect([...(await stored.bias!.read())]).toEqual(bias);
    // Writers copy bytes from anywhere in it.
    for (const [start, length] of [
      [0, 80],
      [3, 7],
      [17, 33],
      [79, 1],
    ]) {
      const bytes = new Uint8Array(length);
      await readPart(stored.tensor, start, bytes);
      expect(bytes).toEqual(bytesOf(expected).slice(start, start + length));
    }
  });

  it("has the shape that its layout asks for", () => {
    const { index } = bank(!transposed);
    const place = { tensor: "bank", expert: 0, blockRows: 2 * ROWS, firstRow: 0, transposed };
    const module = { name: "m", rows: ROWS, cols: COLS, bank: place };
    expect(() => floatCodec(index).locate(module)).toThrow(ShapeError);
  });
});
