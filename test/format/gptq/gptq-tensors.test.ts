import { describe, expect, it } from "vitest";
import { nodeFile, nodeFolder } from "../../../src/adapter/node.ts";
import type { JsonObject } from "../../../src/base/json.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { openTensorIndex } from "../../../src/format/checkpoint.ts";
import { parseGptqConfig, readGptqConfig, resolveModule } from "../../../src/format/gptq/gptq-config.ts";
import { inspectGptq, isGptqModule } from "../../../src/format/gptq/gptq-header.ts";
import { readGptq } from "../../../src/format/gptq/gptq-reader.ts";
import { gptqTensors, type NamedTensor } from "../../../src/format/gptq/gptq-tensors.ts";
import { openSafetensors } from "../../../src/format/safetensors.ts";
import { readTensor, type TensorIndex } from "../../../src/format/tensor-index.ts";
import { exactF16, f16Value, nearestF16 } from "../../../src/tensor/float16.ts";
import type { Bits } from "../../../src/tensor/linear-shape.ts";
import { naturalOrder, type QuantizedMatrix } from "../../../src/tensor/quantized-matrix.ts";
import { mulberry32 } from "../../helpers/random.ts";
import { CHECKPOINTS, dequantise, hubName } from "./gptq-checkpoints.ts";

/** An index over tensors in memory, as a file would hold them. */
function indexOf(tensors: readonly NamedTensor[]): TensorIndex {
  const entries = tensors.map(({ name, dtype, shape, bytes }) => ({
    ...{ name, dtype, shape, offset: 0, byteLength: bytes.byteLength },
    source: bytesSource("memory.safetensors", bytes),
  }));
  return {
    name: "memory.safetensors",
    entries: new Map(entries.map((entry) => [entry.name, entry])),
    async close() {},
  };
}

function replaced(
  tensors: readonly NamedTensor[],
  name: string,
  change: Partial<NamedTensor> | undefined,
): readonly NamedTensor[] {
  return tensors.flatMap((tensor) =>
    tensor.name !== name ? [tensor] : change === undefined ? [] : [{ ...tensor, ...change }],
  );
}

function words(...values: readonly number[]): Uint8Array {
  return new Uint8Array(Int32Array.from(values).buffer);
}

function randomMatrix(
  N: number,
  K: number,
  G: number,
  bits: Bits,
  options: { symmetric?: boolean; scattered?: boolean } = {},
): QuantizedMatrix {
  const random = mulberry32(N * 1000 + K + bits);
  const below = (limit: number) => Math.floor(random() * limit);
  const gIdx = Int32Array.from({ length: K }, (_, column) => Math.floor((column * G) / K));
  if (options.scattered)
    for (let k = K - 1; k > 0; k--) {
      const other = below(k + 1);
      [gIdx[k], gIdx[other]] = [gIdx[other], gIdx[k]];
    }
  return {
    ...{ rows: N, cols: K, groups: G, groupSize: G === 1 ? -1 : K / G, bits, gIdx, perm: naturalOrder(K) },
    codes: Uint8Array.from({ length: N * K }, () => below(2 ** bits)),
    scales: Float32Array.from({ length: N * G }, () => f16Value(0x2000 + below(0x800))),
    zeros: Uint8Array.from({ length: N * G }, () => (options.symmetric ? 2 ** (bits - 1) : below(2 ** bits))),
  };
}

const settings = (json: Record<string, unknown>) => parseGptqConfig(json as JsonObject, "quantize_config.json");

describe("readGptq", () => {
  for (const { name, path, missing } of CHECKPOINTS)
    it.skipIf(missing)(`gives exactly the weights of ${name}${missing ? " (needs QUERN_SHARED)" : ""}`, async () => {
      const folder = await nodeFolder(path);
      const index = await openTensorIndex(folder);
      const config = await readGptqConfig(folder);
      const expected = await openSafetensors(await nodeFile(`${path}/expected.safetensors`));
      const modules = [...expected.entries.keys()]
        .filter((key) => key.startsWith("weight:"))
        .map((key) => key.slice(7));
      expect(modules).toHaveLength(3);
      for (const module of modules) {
        const entry = expected.entries.get(`weight:${module}`)!;
        const weights = new Float32Array(entry.byteLength / 4);
        await readTensor(entry, new Uint8Array(weights.buffer));
        const spelled = isGptqModule(index, module) ? module : hubName(module);
        const read = await readGptq(index, { name: spelled, rows: entry.shape[0], cols: entry.shape[1] }, config);
        expect(read.warnings).toEqual([]);
        expect(dequantise(read)).toEqual(weights);
      }
      await folder.close();
      await expected.close();
    });

  describe.each([2, 3, 4, 8] as const)("at %i bits", (bits) => {
    it("reads back what gptqTensors wrote as gptq_v2, groups scattered", async () => {
      const matrix = randomMatrix(64, 96, 3, bits, { scattered: true });
      const read = await readGptq(
        indexOf(gptqTensors("m", matrix, "gptq_v2")),
        { name: "m", rows: 64, cols: 96 },
        settings({ bits, group_size: 32, sym: false, format: "gptq_v2" }),
      );
      expect(read).toEqual({ ...matrix, warnings: [] });
    });

    it("reads back what gptqTensors wrote as gptq, symmetric, one group a row", async () => {
      const matrix = randomMatrix(32, 64, 1, bits, { symmetric: true });
      const read = await readGptq(
        indexOf(gptqTensors("m", matrix, "gptq")),
        { name: "m", rows: 32, cols: 64 },
        settings({ bits, group_size: -1 }),
      );
      expect(read).toEqual({ ...matrix, warnings: [] });
    });

    it("recognises zero points of the other version in a symmetric file, and says so", async () => {
      const matrix = randomMatrix(32, 64, 2, bits, { symmetric: true });
      for (const [stored, said] of [
        ["gptq", "gptq_v2"],
        ["gptq_v2", "gptq"],
      ] as const) {
        const config = settings({ bits, group_size: 32, sym: true, checkpoint_format: said });
        const read = await readGptq(
          indexOf(gptqTensors("m", matrix, stored)),
          { name: "m", rows: 32, cols: 64 },
          config,
        );
        expect(read.zeros).toEqual(matrix.zeros);
        expect(read.warnings).toEqual([
          expect.stringMatching(`settings say ${said},.*which is ${stored}; read as ${stored}`),
        ]);
      }
    });

    it("turns negative scales around without changing a weight", async () => {
      const matrix = randomMatrix(32, 64, 2, bits, { scattered: true });
      const negative = { ...matrix, scales: matrix.scales.map((scale, i) => (i % 3 === 0 ? -scale : scale)) };
      const read = await readGptq(
        indexOf(gptqTensors("m", negative, "gptq_v2")),
        { name: "m", rows: 32, cols: 64 },
        settings({ bits, group_size: 32, sym: false, format: "gptq_v2" }),
      );
      expect(read.scales).toEqual(matrix.scales);
      expect(dequantise(read).map((weight) => weight + 0)).toEqual(dequantise(negative).map((weight) => weight + 0)); // -0 and 0
      expect(read.codes).not.toEqual(matrix.codes);
    });
  });

  const matrix = randomMatrix(32, 64, 2, 4, { symmetric: true });
  const good = gptqTensors("m", matrix, "gptq");
  const config = settings({ bits: 4, group_size: 32 });
  const read = (tensors: readonly NamedTensor[], said = config) =>
    readGptq(indexOf(tensors), { name: "m", rows: 32, cols: 64 }, said);

  it("believes the tensors where the settings say nothing", async () => {
    expect(inspectGptq(indexOf(good), { name: "m", rows: 32, cols: 64 })).toEqual({ bits: 4, groups: 2 });
    expect(
      (await readGptq(indexOf(replaced(good, "m.g_idx", undefined)), { name: "m", rows: 32, cols: 64 })).gIdx,
    ).toEqual(matrix.gIdx);
    expect((await read(good, settings({ bits: 2, group_size: 64, dynamic: { "-:m": {} } }))).bits).toBe(4);
  });

  it("rejects settings of other bits or groups and names both", async () => {
    await expect(read(good, settings({ bits: 8, group_size: 32 }))).rejects.toThrow(
      "m: found tensors of 4 bits, expected 8 as quantize_config.json says",
    );
    await expect(read(good, settings({ bits: 4, group_size: 64 }))).rejects.toThrow(
      /found 2 groups a row, expected 1, as .* group_size 64/,
    );
  });

  it.each([
    ["m.qweight", { shape: [9, 32] }, "found qweight [9, 32], expected [64 * bits / 32, 32]"],
    ["m.qweight", { shape: [8, 33] }, "m.qweight: found shape [8, 33], expected [8, 32]"],
    ["m.qweight", { dtype: "F32" }, "m.qweight: found dtype F32, expected I32"],
    ["m.qweight", undefined, 'found no tensor "m.qweight"'],
    ["m.qzeros", { shape: [2, 8] }, "m.qzeros: found shape [2, 8], expected [2, 4]"],
    ["m.qzeros", { dtype: "I64" }, "m.qzeros: found dtype I64"],
    ["m.qzeros", undefined, 'found no tensor "m.qzeros"'],
    ["m.scales", { shape: [2, 31] }, "m.scales: found shape [2, 31], expected [2, 32]"],
    ["m.scales", { dtype: "I32" }, "m.scales: found dtype I32, expected F16 or BF16 or F32"],
    ["m.scales", { shape: [] }, "m.scales: found shape [], expected [0, 32]"],
    ["m.scales", undefined, 'found no tensor "m.scales"'],
    ["m.g_idx", { shape: [63] }, "m.g_idx: found shape [63], expected [64]"],
    ["m.g_idx", { bytes: words(...Array(63).fill(1), 2) }, "m.g_idx: found group 2 for column 63, expected 0 to 1"],
    ["m.g_idx", { bytes: words(-1, ...Array(63).fill(1)) }, "m.g_idx: found group -1 for column 0"],
    [
      "m.scales",
      { bytes: new Uint8Array(Uint16Array.from(Array(64).fill(0x7c00)).buffer) },
      "found Infinity for output 0, group 0",
    ],
  ] as const)("rejects %s %j", async (name, change, message) => {
    const broken = replaced(good, name, change as Partial<NamedTensor> | undefined);
    await expect(read(broken)).rejects.toMatchObject({ code: "FORMAT", message: expect.stringContaining(message) });
  });

  it("takes a g_idx of zeros for the plain order and says so", async () => {
    const found = await read(replaced(good, "m.g_idx", { bytes: words(...Array(64).fill(0)) }));
    expect(found.gIdx).toEqual(matrix.gIdx);
    expect(found.warnings).toEqual([expect.stringContaining("g_idx is all zeros for 2 groups")]);
  });

  it("warns about a symmetric linear whose zero points are not all in the middle", async () => {
    const found = await read(
      gptqTensors("m", { ...matrix, zeros: matrix.zeros.map((zero, i) => (i === 5 ? 9 : zero)) }, "gptq"),
    );
    expect(found.zeros[5]).toBe(9);
    expect(found.warnings).toEqual([expect.stringContaining("not all 8 or 7 (4 bits); read as gptq")]);
  });

  it("reads scales in f32 and bf16 where f16 holds them, and rounds others with a warning", async () => {
    const values = Float32Array.from({ length: 64 }, (_, i) => (i + 1) / 1024);
    const asF32 = { dtype: "F32", bytes: new Uint8Array(values.buffer) } as const;
    const asBf16 = {
      dtype: "BF16",
      bytes: new Uint8Array(Uint16Array.from(new Uint32Array(values.buffer), (bits) => bits >>> 16).buffer),
    } as const;
    for (const change of [asF32, asBf16]) {
      const found = await read(replaced(good, "m.scales", change));
      expect(found.scales[3]).toBe(values[33]); // output 1, group 1
      expect(found.warnings).toEqual([]);
    }
    const third = { dtype: "F32", bytes: new Uint8Array(new Float32Array(64).fill(1 / 3).buffer) } as const;
    const rounded = await read(replaced(good, "m.scales", third));
    expect(rounded.scales[3]).toBe(f16Value(0x3555)); // 0.33325, below 1/3
    expect(rounded.warnings).toEqual(["some scales in F32 are no f16 numbers; rounded to the nearest ones"]);
    const small = { dtype: "BF16", bytes: new Uint8Array(new Uint16Array(64).fill(0x36ff).buffer) } as const; // 7.6e-6
    expect((await read(replaced(good, "m.scales", small))).scales[3]).toBe(2 ** -17);
    const large = { dtype: "F32", bytes: new Uint8Array(new Float32Array(64).fill(70000).buffer) } as const;
    await expect(read(replaced(good, "m.scales", large))).rejects.toThrow(
      "m.scales: found 70000 for output 0, group 0",
    );
  });
});

describe("gptqTensors", () => {
  for (const { name, path, missing } of CHECKPOINTS)
    it.skipIf(missing)(
      `gives the same bytes as the tool that wrote ${name}${missing ? " (needs QUERN_SHARED)" : ""}`,
      async () => {
        const folder = await nodeFolder(path);
        const index = await openTensorIndex(folder);
        const config = (await readGptqConfig(folder))!;
        const modules = [...index.entries.keys()]
          .filter((key) => key.endsWith(".qweight"))
          .map((key) => key.slice(0, -8));
        expect(modules.length).toBeGreaterThan(20);
        for (const module of modules) {
          const qweight = index.entries.get(`${module}.qweight`)!;
          const setting = resolveModule(config, module);
          const bits = setting === "float" ? config.bits : setting.bits;
          const read = await readGptq(
            index,
            { name: module, rows: qweight.shape[1], cols: (qweight.shape[0] * 32) / bits },
            config,
          );
          expect(read.warnings).toEqual([]);
          for (const tensor of gptqTensors(module, read, config.version)) {
            const entry = index.entries.get(tensor.name);
            if (entry === undefined && tensor.name.endsWith(".g_idx")) continue;
            expect(tensor).toMatchObject({ dtype: entry!.dtype, shape: entry!.shape });
            const bytes = new Uint8Array(entry!.byteLength);
            await readTensor(entry!, bytes);
            expect(Buffer.compare(bytes, tensor.bytes), tensor.name).toBe(0);
          }
        }
        await folder.close();
      },
    );
});

describe("exactF16", () => {
  it("gives back every finite half, and nothing for what lies between", () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = f16Value(bits);
      expect(exactF16(value)).toBe(Number.isFinite(value) ? bits : undefined);
    }
    expect(exactF16(1 + 2 ** -11)).toBeUndefined();
    expect(exactF16(2 ** -25)).toBeUndefined();
    expect(exactF16(65520)).toBeUndefined();
  });
});

describe("nearestF16", () => {
  it("gives back every half, and of two neighbours the nearer one, or the even one", () => {
    for (let bits = 0; bits < 0x7bff; bits++) {
      const [low, high] = [f16Value(bits), f16Value(bits + 1)];
      expect(nearestF16(low)).toBe(low);
      expect(nearestF16(-low)).toBe(-low);
      const middle = (low + high) / 2;
      expect(nearestF16(middle)).toBe(bits % 2 === 0 ? low : high);
      expect(nearestF16(low + (high - low) * 0.25)).toBe(low);
      expect(nearestF16(low + (high - low) * 0.75)).toBe(high);
    }
  });
});
