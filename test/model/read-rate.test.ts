import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../src/adapter/node.ts";
import { filesFolder } from "../../src/files/source.ts";
import { readModelFiles } from "../../src/model/model.ts";
import { readRate } from "../../src/model/read-rate.ts";
import { matrixAt } from "../../src/model/weights/weight-store.ts";
import type { PackedMatrix } from "../../src/tensor/matrix.ts";
import { panelBytes } from "../../src/tensor/panel.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import type { Machine } from "../../src/wasm/machine.ts";
import { tinyGguf } from "../helpers/gguf-model.ts";
import { repositoryFile } from "../helpers/shared.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await createMachine({ threads: 1 });
});
afterAll(() => machine[Symbol.asyncDispose]());

describe("readRate", () => {
  // It lays out as many bytes as the codec counts, and kernels read them in the form of this matrix.
  it.each(["Q4_0", "Q8_0", "MXFP4"] as const)("reads %s in the form in which it was laid", async (type) => {
    const files = await readModelFiles(filesFolder("model", { "m.gguf": tinyGguf("mixtral", { type }) }));
    const packed = files.linears.filter(({ stored }) => stored.kind === "packed");
    expect(packed.length).toBeGreaterThan(0);
    for (const { rows, cols, stored } of packed) {
      const matrix = matrixAt({ rows, cols }, stored, { ptr: 0, permPtr: 0 }) as PackedMatrix;
      expect(panelBytes(`w${matrix.bits}`, rows, cols, matrix)).toBe(stored.memoryBytes);
    }
    await files.index.close();
  });

  it.each(["f32", "int8"] as const)(
    "measures every storage of a model with %s activations, and gives its memory back",
    async (mode) => {
      const files = await readModelFiles(
        await nodeFolder(repositoryFile("test/fixtures/gptq-checkpoints/mixtral-b4-g64")),
      );
      const before = machine.arena.used;
      for (const role of ["attention", "router", "head"] as const) {
        const linear = files.linears.find((each) => each.role === role);
        if (linear === undefined) throw new Error(`no ${role}`);
        const rate = readRate(machine, linear, { mode, group: 32 });
        expect(Number.isFinite(rate) && rate > 0).toBe(true);
      }
      expect(machine.arena.used).toBe(before);
      await files.index.close();
    },
  );
});
