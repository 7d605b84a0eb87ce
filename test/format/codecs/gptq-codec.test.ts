import { afterAll, describe, expect, it } from "vitest";
import { UnsupportedError } from "../../../src/base/errors.ts";
import { filesFolder } from "../../../src/files/source.ts";
import { gptqCodec } from "../../../src/format/codecs/gptq-codec.ts";
import { codecOf, openCodecs } from "../../../src/format/codecs/open-codecs.ts";
import { parseGptqConfig } from "../../../src/format/gptq/gptq-config.ts";
import { gptqTensors } from "../../../src/format/gptq/gptq-tensors.ts";
import { exactF16, f16Value } from "../../../src/tensor/float16.ts";
import { groupOrder, reorderColumns } from "../../../src/tensor/group-order.ts";
import type { Bits } from "../../../src/tensor/linear-shape.ts";
import { naturalOrder, type QuantizedMatrix } from "../../../src/tensor/quantized-matrix.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { packPanels } from "../../reference/matmul/pack.ts";
import { bytesOf, indexOf, layOut } from "./checkpoint-in-memory.ts";

const machine = await createMachine();
afterAll(() => machine[Symbol.asyncDispose]());

function randomMatrix(rows: number, cols: number, groups: number, bits: Bits, scattered = false): QuantizedMatrix {
  const random = mulberry32(rows + cols + bits);
  const below = (limit: number) => Math.floor(random() * limit);
  const gIdx = Int32Array.from({ length: cols }, (_, column) => Math.floor((column * groups) / cols));
  for (let k = cols - 1; scattered && k > 0; k--) {
    const other = below(k + 1);
    [gIdx[k], gIdx[other]] = [gIdx[other], gIdx[k]];
  }
  return {
    ...{ rows, cols, groups, groupSize: cols / groups, bits, gIdx, perm: naturalOrder(cols) },
    codes: Uint8Array.from({ length: rows * cols }, () => below(2 ** bits)),
    scales: Float32Array.from({ length: rows * groups }, () => f16Value(0x2000 + below(0x800))),
    zeros: Uint8Array.from({ length: rows * groups }, () => below(2 ** bits)),
  };
}

const settings = (bits: Bits, group: number) =>
  parseGptqConfig({ bits, group_size: group, sym: false, format: "gptq_v2" }, "quantize_config.json");

function stored(matrix: QuantizedMatrix, ...more: Parameters<typeof indexOf>[0]) {
  const index = indexOf([...gptqTensors("m", matrix, "gptq_v2"), ...more]);
  const { rows, cols, bits, groups } = matrix;
  const codec = gptqCodec(index, settings(bits, cols / groups));
  return { index, matrix: codec.locate({ name: "m", rows, cols }), codec };
}

/** The panels by the naive twin of the kernel. */
function twin(matrix: QuantizedMatrix): Uint8Array {
  const { rows, cols, groups, bits, gIdx, codes, scales, zeros } = matrix;
  const perm = groupOrder(gIdx, cols / groups, "twin");
  return packPanels({
    ...{ n: rows, k: cols, bits, groupSize: cols / groups, zeros },
    codes: perm === undefined ? codes : reorderColumns(codes, perm),
    scales: Uint16Array.from(scales, (scale) => exactF16(scale) as number),
  });
}

describe("the GPTQ codec", () => {
  it.each([2, 3, 4, 8] as const)("lays %i-bit codes as the twin packs them, groups scattered or not", async (bits) => {
    for (const scattered of [false, true]) {
      const matrix = randomMatrix(64, 96, 3, bits, scattered);
      const found = await layOut(machine, stored(matrix).matrix);
      expect(found.warnings).toEqual([]);
      expect(found.perm === undefined).toBe(!scattered);
      expect(Buffer.compare(found.panels, twin(matrix))).toBe(0);
    }
  });

  it("lays no zeros where all are equal", async () => {
    const random = randomMatrix(48, 128, 4, 4);
    const found = await layOut(machine, stored({ ...random, zeros: random.zeros.fill(7) }).matrix);
    expect(found.zero).toBe(7);
    const { rows, cols, groups, codes } = random;
    const scales = Uint16Array.from(random.scales, (scale) => exactF16(scale) as number);
    const panels = packPanels(
      { n: rows, k: cols, bits: 4, groupSize: cols / groups, codes, scales, zeros: random.zeros },
      7,
    );
    expect(Buffer.compare(found.panels.subarray(0, panels.length), panels)).toBe(0);
  });

  it("says bits, groups and bytes from headers alone, and reads the whole matrix", async () => {
    const matrix = randomMatrix(32, 128, 2, 4);
    const { index, matrix: found } = stored(matrix);
    const parts = ["qweight", "qzeros", "scales", "g_idx"].map((part) => index.entries.get(`m.${part}`)!);
    expect(found).toMatchObject({ kind: "packed", bits: 4, groupSize: 64, bias: undefined, tensors: parts });
    expect(found.diskBytes).toBe(parts.reduce((sum, { byteLength }) => sum + byteLength, 0));
    expect(found.memoryBytes).toBe(2 * (2 * 48 + 2 * 128 * 4));
    expect(index.largestRead()).toBe(0);
    if (found.kind !== "packed") throw new Error("GPTQ packs");
    expect(await found.read()).toMatchObject({ codes: matrix.codes, scales: matrix.scales, zeros: matrix.zeros });
  });

  it.each([2, 3, 4, 8] as const)(
    "lays %i-bit codes of any rows, some with negative scales, which only reading makes positive",
    async (bits) => {
      for (const scattered of [false, true]) {
        const random = randomMatrix(2072, 256, 4, bits, scattered);
        const scales = random.scales.map((scale, i) => (i % 5 === 0 ? -scale : scale));
        const matrix = { ...random, scales };
        const { matrix: found } = stored(matrix);
        if (found.kind !== "packed") throw new Error("GPTQ packs");
        expect((await found.read()).scales.every((scale) => scale > 0)).toBe(true);
        expect(Buffer.compare((await layOut(machine, found)).panels, twin(matrix))).toBe(0);
      }
    },
  );

  it.each([false, true])("names a scale that is no number, groups scattered: %s", async (scattered) => {
    const tensors = gptqTensors("m", randomMatrix(64, 96, 3, 4, scattered), "gptq_v2");
    const scales = tensors.find(({ name }) => name === "m.scales")!.bytes;
    new DataView(scales.buffer, scales.byteOffset).setUint16(2 * (64 * 2 + 33), 0xfc00, true);
    const found = gptqCodec(indexOf(tensors), settings(4, 32)).locate({ name: "m", rows: 64, cols: 96 });
    await expect(layOut(machine, found)).rejects.toThrow(
      "m.scales: found -Infinity for output 33, group 2, expected a finite number",
    );
  });

  it("lays a large matrix range by range, never reading more than 16 MiB at once", async () => {
    const matrix = randomMatrix(17_024, 1024, 4, 8, true);
    const { index, matrix: found } = stored(matrix);
    expect(found.tensors[0].byteLength).toBeGreaterThan(16 << 20);
    expect(found.stagingBytes).toBeLessThanOrEqual((16 << 20) + 192);
    const { panels } = await layOut(machine, found);
    expect(Buffer.compare(panels, twin(matrix))).toBe(0);
    expect(index.largestRead()).toBeLessThanOrEqual(16 << 20);
  });

  it("finds a bias beside the codes", async () => {
    const bias = Float32Array.from({ length: 32 }, (_, i) => i / 8);
    const more = { name: "m.bias", dtype: "F32", shape: [32], bytes: bytesOf(bias) };
    expect(await stored(randomMatrix(32, 64, 2, 4), more).matrix.bias!.read()).toEqual(bias);
  });

  it.each([false, true])("lays rows whose last group is short in smaller groups, scattered: %s", async (scattered) => {
    const [rows, cols, run] = [32, 192, 64];
    const even = randomMatrix(rows, cols, 2, 4);
    // Group 0 has 128 columns, group 1 the other 64.
    const gIdx = Int32Array.from({ length: cols }, (_, column) =>
      scattered ? Number(column % 3 === 1) : Number(column >= 128),
    );
    const index = indexOf(gptqTensors("m", { ...even, gIdx }, "gptq_v2"));
    const found = gptqCodec(index, settings(4, 128)).locate({ name: "m", rows, cols });
    expect(found).toMatchObject({ bits: 4, groupSize: run });
    const laid = await layOut(machine, found);
    const order = [...gIdx.keys()].sort((x, y) => gIdx[x] - gIdx[y] || x - y);
    expect(laid.perm === undefined).toBe(!scattered);
    if (scattered) expect([...laid.perm!]).toEqual(order);
    const groups = [0, 0, 1];
    const each = <T>(read: (at: number) => T) =>
      Array.from({ length: rows }, (_, n) => groups.map((g) => read(2 * n + g))).flat();
    const twinPanels = packPanels({
      ...{ n: rows, k: cols, bits: 4, groupSize: run },
      codes: reorderColumns(even.codes, Int32Array.from(order)),
      scales: Uint16Array.from(each((at) => exactF16(even.scales[at]) as number)),
      zeros: Uint8Array.from(each((at) => even.zeros[at])),
    });
    expect(Buffer.compare(laid.panels, twinPanels)).toBe(0);
  });

  it("refuses a short group of no whole runs", async () => {
    const gIdx = Int32Array.from({ length: 192 }, (_, column) => Number(column >= 100));
    const index = indexOf(gptqTensors("m", { ...randomMatrix(32, 192, 2, 4), gIdx }, "gptq_v2"));
    const found = gptqCodec(index, settings(4, 128)).locate({ name: "m", rows: 32, cols: 192 });
    await expect(layOut(machine, found)).rejects.toThrow(
      "m.g_idx: found groups of other sizes, expected multiples of 64 columns",
    );
  });

  it("refuses groups that panels cannot hold", () => {
    expect(() => stored(randomMatrix(32, 96, 2, 4))).toThrow(UnsupportedError);
    expect(() => stored(randomMatrix(32, 96, 2, 4))).toThrow("m: found 2 groups over 96 columns");
  });
});

describe("openCodecs", () => {
  const matrix = randomMatrix(32, 64, 2, 4);
  const config = { bits: 4, group_size: 32, sym: false, format: "gptq_v2" };
  const folder = filesFolder("f", { "quantize_config.json": new TextEncoder().encode(JSON.stringify(config)) });
  const floats = { name: "n.weight", dtype: "F32", shape: [2, 2], bytes: new Uint8Array(16) };

  it("asks each codec in turn, under the settings of the folder", async () => {
    const index = indexOf([...gptqTensors("m", matrix, "gptq_v2"), floats]);
    const codecs = await openCodecs(index, folder);
    expect(codecs.map(({ name, packs }) => [name, packs])).toEqual([
      ["GPTQ", true],
      ["MXFP4", true],
      ["float", false],
    ]);
    const [m, n] = [
      { name: "m", rows: 32, cols: 64 },
      { name: "n", rows: 2, cols: 2 },
    ];
    expect(codecOf(codecs, index, m)).toBe(codecs[0]);
    expect(codecOf(codecs, index, n)).toBe(codecs[2]);
    expect(codecs[0].locate(m)).toMatchObject({ bits: 4, groupSize: 32 });
    expect(() => codecOf(codecs, index, { name: "o", rows: 2, cols: 2 })).toThrow(
      'memory.safetensors: found no tensor "o.weight" among 5, expected one',
    );
  });

  it("opens the codec of GPTQ for tensors without settings, and for settings without tensors, but not for floats alone", async () => {
    const plain = filesFolder("f", {});
    const namesOf = async (tensors: Parameters<typeof indexOf>[0], of = plain) =>
      (await openCodecs(indexOf(tensors), of)).map(({ name }) => name);
    expect(await namesOf(gptqTensors("m", matrix, "gptq_v2"))).toEqual(["GPTQ", "MXFP4", "float"]);
    expect(await namesOf([floats], folder)).toEqual(["GPTQ", "MXFP4", "float"]);
    expect(await namesOf([floats])).toEqual(["MXFP4", "float"]);
  });

  it("has settings of another method refused when the folder is opened", async () => {
    const other = filesFolder("f", { "quantize_config.json": new TextEncoder().encode('{"quant_method":"awq"}') });
    await expect(openCodecs(indexOf([floats]), other)).rejects.toThrow('quant_method: found "awq"');
  });
});
