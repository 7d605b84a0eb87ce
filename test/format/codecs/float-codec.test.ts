import { afterAll, describe, expect, it } from "vitest";
import { FormatError, NumericsError, ShapeError, UnsupportedError } from "../../../src/base/errors.ts";
import { floatCodec } from "../../../src/format/codecs/float-codec.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { gaussians } from "../../helpers/random.ts";
import { bytesOf, indexOf, layOut, type Tensor } from "./checkpoint-in-memory.ts";

const machine = await createMachine();
afterAll(() => machine[Symbol.asyncDispose]());

const f32 = (name: string, shape: readonly number[], values: Float32Array): Tensor => {
  return { name, dtype: "F32", shape, bytes: bytesOf(values) };
};

/** Panels of 16 rows: the columns one after the other, each of 16 lanes, as docs/kernels.md says. */
function panelsOf(values: Float32Array, rows: number, cols: number): Float32Array {
  const panels = new Float32Array(Math.ceil(rows / 16) * 16 * cols);
  for (let row = 0; row < rows; row++)
    for (let col = 0; col < cols; col++)
      panels[Math.floor(row / 16) * 16 * cols + col * 16 + (row % 16)] = values[row * cols + col];
  return panels;
}

describe("the float codec", () => {
  it("holds what has a weight, and says what it takes", () => {
    const index = indexOf([
      f32("m.weight", [20, 8], gaussians(160, 1)),
      { ...f32("h.weight", [3, 8], gaussians(24, 2)), dtype: "BF16", bytes: new Uint8Array(48) },
    ]);
    const codec = floatCodec(index);
    expect(codec.holds({ name: "m", rows: 20, cols: 8 })).toBe(true);
    expect(codec.holds({ name: "n", rows: 20, cols: 8 })).toBe(false);
    const m = codec.locate({ name: "m", rows: 20, cols: 8 });
    expect(m).toMatchObject({ kind: "float", dtype: "f32", diskBytes: 640, memoryBytes: 32 * 8 * 4, bias: undefined });
    expect(m.tensors).toEqual([index.entries.get("m.weight")]);
    expect(codec.locate({ name: "h", rows: 3, cols: 8 })).toMatchObject({ dtype: "bf16", memoryBytes: 16 * 8 * 2 });
  });

  it.each([
    [{ name: "n", rows: 20, cols: 8 }, FormatError, 'found no tensor "n.weight"'],
    [{ name: "m", rows: 8, cols: 20 }, ShapeError, "tensor m.weight"],
    [{ name: "i", rows: 2, cols: 2 }, UnsupportedError, "tensor i.weight: dtype: found I32"],
  ] as const)("refuses %j", (module, kind, message) => {
    const codec = floatCodec(
      indexOf([
        f32("m.weight", [20, 8], gaussians(160, 1)),
        { name: "i.weight", dtype: "I32", shape: [2, 2], bytes: new Uint8Array(16) },
      ]),
    );
    expect(() => codec.locate(module)).toThrow(kind);
    expect(() => codec.locate(module)).toThrow(message);
  });

  it("lays a large matrix range by range, never reading more than 16 MiB at once", async () => {
    const [rows, cols] = [4300, 1031];
    const values = gaussians(rows * cols, 3);
    const index = indexOf([f32("m.weight", [rows, cols], values)]);
    const stored = floatCodec(index).locate({ name: "m", rows, cols });
    expect(stored.diskBytes).toBeGreaterThan(16 << 20);
    expect(stored.stagingBytes).toBeLessThanOrEqual((16 << 20) + 192);
    const { panels, perm } = await layOut(machine, stored);
    expect(perm).toBeUndefined();
    expect(Buffer.compare(panels, bytesOf(panelsOf(values, rows, cols)))).toBe(0);
    expect(index.largestRead()).toBeLessThanOrEqual(16 << 20);
  });

  it("takes an expert's rows of a bank, here and as f32", async () => {
    const [experts, rows, cols] = [3, 5, 4];
    const all = gaussians(experts * 2 * rows * cols, 4);
    const index = indexOf([f32("bank", [experts, 2 * rows, cols], all)]);
    const codec = floatCodec(index);
    const bank = { tensor: "bank", expert: 2, blockRows: 2 * rows, firstRow: rows };
    const module = { name: "experts.2.up", rows, cols, bank };
    expect(codec.holds(module)).toBe(true);
    const stored = codec.locate(module);
    if (stored.kind !== "float") throw new Error("a bank is float");
    const start = (2 * 2 + 1) * rows * cols;
    expect(await stored.readRows(0, rows)).toEqual(all.slice(start, start + rows * cols));
    expect(await stored.readRows(2, 2)).toEqual(all.slice(start + 2 * cols, start + 4 * cols));
    expect(stored).toMatchObject({ diskBytes: rows * cols * 4, tensor: { shape: [rows, cols] } });
    const expected = panelsOf(all.slice(start, start + rows * cols), rows, cols);
    const { panels } = await layOut(machine, stored);
    // Rows of padding are whatever they are: only lanes of rows count.
    const found = new Float32Array(panels.buffer);
    for (let at = 0; at < found.length; at++) if (at % 16 < rows) expect(found[at]).toBe(expected[at]);
    const beyond = { ...module, bank: { ...bank, expert: 3 } };
    expect(() => codec.locate(beyond)).toThrow("bank: found 3 experts, expected more than 3");
  });

  it("names the element that is not finite, in whichever range", async () => {
    const [rows, cols] = [4300, 1031];
    const values = gaussians(rows * cols, 5);
    values[4299 * cols + 7] = Number.POSITIVE_INFINITY;
    const stored = floatCodec(indexOf([f32("m.weight", [rows, cols], values)])).locate({ name: "m", rows, cols });
    await expect(layOut(machine, stored)).rejects.toThrow(NumericsError);
    await expect(layOut(machine, stored)).rejects.toThrow(`at element ${4299 * cols + 7}`);
  });

  it("finds a bias beside the weight, and checks it", async () => {
    const bias = Float32Array.of(1, 2, 3);
    const weight = f32("m.weight", [3, 4], gaussians(12, 6));
    const codec = (values: Float32Array) => floatCodec(indexOf([weight, f32("m.bias", [values.length], values)]));
    const module = { name: "m", rows: 3, cols: 4 };
    expect(await codec(bias).locate(module).bias!.read()).toEqual(bias);
    expect(() => codec(Float32Array.of(1)).locate(module)).toThrow("tensor m.bias: found shape [1], expected [3]");
    await expect(
      codec(Float32Array.of(1, Number.NaN, 3))
        .locate(module)
        .bias!.read(),
    ).rejects.toThrow(NumericsError);
  });
});
