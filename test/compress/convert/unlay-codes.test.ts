import { describe, expect, it } from "vitest";
import { FormatError } from "../../../src/base/errors.ts";
import { unlayCodes } from "../../../src/compress/convert/unlay-codes.ts";
import { codeRowBytes, layCodes, stagingBytes } from "../../../src/tensor/lay-panels.ts";
import { BITS, type Bits } from "../../../src/tensor/linear-shape.ts";
import { OWN_ZEROS, panelBytes } from "../../../src/tensor/panel.ts";
import { naturalGroups, naturalOrder, type QuantizedMatrix } from "../../../src/tensor/quantized-matrix.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { mulberry32 } from "../../helpers/random.ts";

interface Made {
  readonly bits: Bits;
  readonly rows?: number;
  /** The zero of all; own ones if it is left out. */
  readonly zero?: number;
  readonly scales?: (row: number, group: number) => number;
}

const COLS = 160;
const GROUP = 32;

/** A matrix in groups of 32 columns. */
function made({ bits, rows = 21, zero, scales = (row, group) => (row - 7) * 0.25 + group }: Made): QuantizedMatrix {
  const groups = COLS / GROUP;
  const random = mulberry32(bits);
  const draw = () => Math.floor(random() * 2 ** bits);
  return {
    ...{ rows, cols: COLS, bits, groupSize: GROUP, groups },
    codes: Uint8Array.from({ length: rows * COLS }, draw),
    scales: Float32Array.from({ length: rows * groups }, (_, at) => scales(Math.floor(at / groups), at % groups)),
    zeros: Uint8Array.from({ length: rows * groups }, () => zero ?? draw()),
    ...{ gIdx: naturalGroups(COLS, GROUP), perm: naturalOrder(COLS) },
  };
}

interface Told {
  readonly zero?: number;
  readonly perm?: Int32Array;
  readonly groupSize?: number;
}

/** Lays the matrix and takes it out again. */
async function laidAndUnlaid(matrix: QuantizedMatrix, { zero = OWN_ZEROS, perm, groupSize = GROUP }: Told = {}) {
  await using machine = await createMachine({ threads: 1 });
  using memory = machine.arena.region();
  const { rows, cols, bits } = matrix;
  const ptr = memory.alloc(panelBytes(`w${bits}`, rows, cols, { groupSize: GROUP, zero }));
  const staging = memory.alloc(stagingBytes(rows, codeRowBytes(matrix)));
  layCodes({ machine, staging }, ptr, matrix, 0, { perm, zero });
  const permPtr = perm === undefined ? 0 : memory.place(perm);
  const panels = { kind: "packed", bits, groupSize: GROUP, zero, ptr, rows, cols, permPtr } as const;
  return unlayCodes(machine, panels, { memory, where: "m.quern: q", groupSize });
}

describe("unlayCodes", () => {
  it.each(BITS)("gives back what was laid in panels of %d bits, of whatever zeros", async (bits) => {
    const matrix = made({ bits });
    expect(await laidAndUnlaid(matrix)).toEqual(matrix);
    const symmetric = made({ bits, rows: 3, zero: 1 });
    expect(await laidAndUnlaid(symmetric, { zero: 1 })).toEqual(symmetric);
  });

  it("puts columns back to where they were", async () => {
    const matrix = made({ bits: 4 });
    // Column 3 of the model lies first, column 6 second, and so on.
    const perm = Int32Array.from({ length: COLS }, (_, at) => (3 * at + 3) % COLS);
    const { codes, gIdx, scales } = await laidAndUnlaid(matrix, { perm });
    expect(codes).toEqual(matrix.codes);
    expect(scales).toEqual(matrix.scales);
    for (const [at, column] of perm.entries()) expect(gIdx[column]).toBe(Math.floor(at / GROUP));
  });

  it("joins the groups of panels to those of the model, of which the last is short", async () => {
    const scales = (row: number, group: number) => row + 1 + Math.floor(group / 2);
    const matrix = made({ bits: 3, zero: 4, scales });
    const { groups, gIdx, ...found } = await laidAndUnlaid(matrix, { groupSize: 64 });
    expect(groups).toBe(3);
    expect(gIdx).toEqual(naturalGroups(COLS, 64));
    expect([...found.scales.subarray(0, 6)]).toEqual([1, 2, 3, 2, 3, 4]);
    expect(found.zeros).toEqual(new Uint8Array(21 * 3).fill(4));
    expect(found.codes).toEqual(matrix.codes);
  });

  it("refuses groups that are not the model's, and scales that are no numbers", async () => {
    const failing = (matrix: QuantizedMatrix, groupSize: number) =>
      laidAndUnlaid(matrix, { groupSize }).catch((error: unknown) => error as Error);
    const apart = await failing(made({ bits: 4, zero: 8 }), 64);
    expect(apart).toBeInstanceOf(FormatError);
    expect((apart as Error).message).toBe("m.quern: q: found -0.75, expected the same in 64 columns");
    expect(await failing(made({ bits: 4, scales: () => 1 }), 64)).toBeInstanceOf(FormatError);
    expect(await failing(made({ bits: 4, zero: 8 }), 48)).toBeInstanceOf(FormatError);
  });
});
