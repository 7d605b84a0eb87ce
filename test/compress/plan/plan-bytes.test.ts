import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import {
  byteTable,
  moduleBytes,
  plannedBytes,
  plannedBytesOf,
  plannedTensors,
} from "../../../src/compress/plan/plan-bytes.ts";
import { quantizeModel } from "../../../src/compress/quantize/quantize-model.ts";
import { shapesOfConfig, shapesOfFiles } from "../../../src/compress/recipe/model-shapes.ts";
import {
  DEFAULT_GRID,
  type ModuleSetting,
  type QuantizeSettings,
  quantizableLinears,
  uniformModules,
} from "../../../src/compress/recipe/settings.ts";
import { type WriteOptions, writeQuantized } from "../../../src/compress/write/write-quantized.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { encodeHeader } from "../../../src/format/safetensors-writer.ts";
import { Model, type ModelFiles, readModelFiles, readModelShapes } from "../../../src/model/model.ts";
import type { LinearShape } from "../../../src/tensor/linear-shape.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";

const WINDOWS = [Array.from({ length: 48 }, (_, i) => (37 * i) % 256)];

type Grid = Partial<Omit<QuantizeSettings, "modules">>;
type Choose = (linear: LinearShape, index: number) => ModuleSetting;

/** Every width, some linears left float; by index, so that all roles meet all of them. */
const MIXED: Choose = (_, index) => {
  const bits = ([2, 3, 4, 8, 16] as const)[index % 5];
  return { bits, groupSize: bits === 16 ? -1 : index % 2 === 0 ? 32 : -1 };
};
const ALL =
  (bits: 2 | 3 | 4 | 8, groupSize: number): Choose =>
  () => ({ bits, groupSize });

const CASES: readonly (readonly [string, Choose, Grid, Omit<WriteOptions, "settings" | "output">])[] = [
  ["mixed bits and leftovers", MIXED, { method: "rtn" }, {}],
  ["2 bits, other names", ALL(2, 64), { method: "rtn" }, { names: "transformers" }],
  ["asymmetric, v2", ALL(3, 32), { method: "rtn", symmetric: false }, { version: "gptq_v2" }],
  ["v2 where symmetric", ALL(8, -1), { method: "rtn" }, { version: "gptq_v2" }],
  ["nothing quantised", () => ({ bits: 16, groupSize: -1 }), { method: "rtn" }, {}],
  ["GPTQ without act-order", MIXED, { actOrder: "none" }, {}],
  ["GPTQ, act-order desc", ALL(4, 32), { actOrder: "desc" }, {}],
  ["GPTQ, act-order gar", ALL(4, 32), { actOrder: "gar" }, { names: "hub" }],
];

function modulesOf(files: ModelFiles, choose: Choose): ReadonlyMap<string, ModuleSetting> {
  return new Map(quantizableLinears(files).map((linear, index) => [linear.name, choose(linear, index)]));
}

describe.each(["models/fable-mixtral", "models/fable-deepseek"])("plannedBytes of %s", (path) => {
  it.each(CASES)("tells the written file to the byte: %s", async (_, choose, grid, options) => {
    const files = await readModelFiles(await nodeFolder(path));
    await using model = await Model.open(files, await createMachine({ threads: 2 }), { activations: "f32" });
    const settings = { ...DEFAULT_GRID, clip: "none" as const, ...grid, modules: modulesOf(files, choose) };
    const planned = plannedBytes(files, settings, { names: options.names });
    const output = memoryOutput("out");
    const quantized = await quantizeModel(model, settings, { windows: WINDOWS });
    const { trueBytes } = await writeQuantized(files, quantized, { ...options, settings, output });
    expect(planned).toBe(trueBytes);
    expect(planned).toBe(output.files.get("model.safetensors")?.byteLength);
  });

  it("takes apart into modules, what no plan changes, and the header", async () => {
    const files = await readModelFiles(await nodeFolder(path));
    await files.index.close();
    const shapes = shapesOfFiles(files);
    const table = byteTable(shapes, 64);
    for (const bits of [2, 3, 4, 8] as const) {
      const modules = uniformModules(files, bits, 64);
      const { bytes, fileBytes } = encodeHeader(plannedTensors(shapes, modules));
      const sum = table.modules.reduce((total, module) => total + module.bytes[bits], table.fixed);
      expect(sum + bytes.length).toBe(fileBytes);
      expect(plannedBytesOf(shapes, modules)).toBe(fileBytes);
    }
    const float = table.modules.reduce((total, module) => total + module.bytes[16], table.fixed);
    const { bytes, fileBytes } = encodeHeader(plannedTensors(shapes, new Map()));
    expect(float + bytes.length).toBe(fileBytes);
  });

  it("counts a configuration like a checkpoint of 16-bit floats", async () => {
    const folder = await nodeFolder(path);
    const files = await readModelFiles(folder);
    await files.index.close();
    const { family, config } = await readModelShapes(folder);
    const bare = shapesOfConfig("bare", family, config);
    const modules = uniformModules(files, 3, 64);
    expect(plannedBytesOf(bare, modules)).toBe(plannedBytesOf(shapesOfFiles(files), modules));
  });
});

describe("moduleBytes", () => {
  it("adds codes, zeros, scales and the index of columns", async () => {
    const { family, config } = await readModelShapes(await nodeFolder("test/fixtures/shapes/mixtral-8x7b"));
    const { linears } = shapesOfConfig("mixtral", family, config);
    const w1 = linears.find(({ role }) => role === "expert")!;
    const [N, K] = [14336, 4096];
    expect(moduleBytes(w1, { bits: 16, groupSize: -1 })).toBe(2 * N * K);
    expect(moduleBytes(w1, { bits: 2, groupSize: 128 })).toBe((N * K) / 4 + (32 * N) / 4 + 32 * N * 2 + K * 4);
    expect(moduleBytes(w1, { bits: 3, groupSize: -1 })).toBe((N * K * 3) / 8 + (N * 3) / 8 + N * 2 + K * 4);
  });
});
