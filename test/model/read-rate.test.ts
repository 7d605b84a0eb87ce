import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../src/adapter/node.ts";
import { readModelFiles } from "../../src/model/model.ts";
import { readRate } from "../../src/model/read-rate.ts";
import { createMachine } from "../../src/wasm/embedded.ts";
import type { Machine } from "../../src/wasm/machine.ts";
import { repositoryFile } from "../helpers/shared.ts";

let machine: Machine;
beforeAll(async () => {
  machine = await createMachine({ threads: 1 });
});
afterAll(() => machine[Symbol.asyncDispose]());

describe("readRate", () => {
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
