import { afterAll, describe, expect, it } from "vitest";
import { FormatError, UnsupportedError } from "../../../src/base/errors.ts";
import { mxfp4Codec } from "../../../src/format/codecs/mxfp4-codec.ts";
import { dequantize } from "../../../src/quant/quantization-error.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { indexOf, layOut } from "./checkpoint-in-memory.ts";

const machine = await createMachine();
afterAll(() => machine[Symbol.asyncDispose]());

/** The values of the format by its table: OCP Microscaling Formats 1.0, E2M1. */
const VALUES = [0, 0.5, 1, 1.5, 2, 3, 4, 6];
const [EXPERTS, ROWS, COLS] = [2, 6, 64];
const GROUPS = COLS / 32;

function bankOf(scale: (block: number) => number, dtype = "U8") {
  const random = mulberry32(1);
  const bytes = (count: number, value: (i: number) => number) => Uint8Array.from({ length: count }, (_, i) => value(i));
  const blocks = bytes(EXPERTS * ROWS * GROUPS * 16, () => Math.floor(random() * 256));
  const scales = bytes(EXPERTS * ROWS * GROUPS, scale);
  const shape = [EXPERTS, ROWS, GROUPS];
  const index = indexOf([
    { name: "bank_blocks", dtype, shape: [...shape, 16], bytes: blocks },
    { name: "bank_scales", dtype: "U8", shape, bytes: scales },
    {
      name: "bank_bias",
      dtype: "F32",
      shape: [EXPERTS, ROWS],
      bytes: new Uint8Array(new Float32Array(12).fill(0).map((_, i) => i).buffer),
    },
  ]);
  return { index, blocks, scales };
}

/** The up projection of expert 1, whose rows alternate with those of the gate. */
const UP = {
  ...{ name: "experts.1.up_proj", rows: 3, cols: COLS },
  bank: { tensor: "bank", expert: 1, blockRows: ROWS, firstRow: 1, rowStep: 2, transposed: true, bias: "bank_bias" },
};

describe("the MXFP4 codec", () => {
  it("reads the exact values of an expert's alternate rows, and their biases", async () => {
    const { index, blocks, scales } = bankOf((block) => 104 + (block % 39));
    const codec = mxfp4Codec(index);
    expect([codec.holds(UP), codec.holds({ ...UP, bank: { ...UP.bank, tensor: "other" } })]).toEqual([true, false]);
    expect(codec.holds({ name: "m", rows: 3, cols: COLS })).toBe(false);
    const stored = codec.locate(UP);
    if (stored.kind !== "packed") throw new Error("MXFP4 is packed");
    expect(stored).toMatchObject({ bits: 8, groupSize: 32, diskBytes: 3 * GROUPS * 17 });
    const found = dequantize(await stored.read());
    for (let row = 0; row < 3; row++)
      for (let col = 0; col < COLS; col++) {
        const at = (ROWS + 1 + 2 * row) * COLS + col;
        const code = (blocks[at >> 1] >> (4 * (at % 2))) & 15;
        const value = VALUES[code & 7] * (code & 8 ? -1 : 1) * 2 ** (scales[Math.floor(at / 32)] - 127);
        expect(found[row * COLS + col] + 0).toBe(value + 0);
      }
    expect([...(await stored.bias!.read())]).toEqual([7, 9, 11]);
  });

  it("lays in panels what it reads", async () => {
    const stored = mxfp4Codec(bankOf(() => 120).index).locate(UP);
    const { panels, perm, zero } = await layOut(machine, stored);
    expect(perm).toBeUndefined();
    expect(panels).toHaveLength(stored.memoryBytes);
    // A scale of 2^(120 - 128) as f16; the zero point 12 is that of all rows, so panels do not have it.
    expect(zero).toBe(12);
    expect(new DataView(panels.buffer).getUint16(0, true)).toBe(0x1c00);
  });

  it.each([
    [103, "a block scale of 2^-24"],
    [144, "a block scale of 2^17"],
    [255, "a block scale of 2^128"],
  ])("refuses a scale byte of %i, which f16 cannot hold", async (scale, message) => {
    const stored = mxfp4Codec(bankOf(() => scale).index).locate(UP);
    await expect(layOut(machine, stored)).rejects.toThrow(UnsupportedError);
    await expect(layOut(machine, stored)).rejects.toThrow(message);
  });

  it("takes any scale for a block of zeros", async () => {
    const { index, blocks } = bankOf(() => 0);
    blocks.fill(0x80);
    const stored = mxfp4Codec(index).locate(UP);
    if (stored.kind !== "packed") throw new Error("MXFP4 is packed");
    expect(dequantize(await stored.read()).every((value) => value === 0)).toBe(true);
  });

  it("refuses tensors of other types and shapes, and experts that are not there", () => {
    expect(() => mxfp4Codec(bankOf(() => 120, "I8").index).locate(UP)).toThrow(FormatError);
    const codec = mxfp4Codec(bankOf(() => 120).index);
    expect(() => codec.locate({ ...UP, cols: 96 })).toThrow("expected U8 [2, 6, 3, 16]");
    expect(() => codec.locate({ ...UP, cols: 40 })).toThrow("40 columns");
    expect(() => codec.locate({ ...UP, bank: { ...UP.bank, expert: 2 } })).toThrow("expected more than 2");
  });
});
