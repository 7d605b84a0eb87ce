import { describe, expect, it } from "vitest";
import { loadModel } from "../../../src/index.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";

describe("memory", () => {
  it.each([1, 2])(
    "is returned: loading and disposing again and again on %i threads does not grow the process",
    async (threads) => {
      let settled = 0;
      for (let load = 0; load < 100; load++) {
        const model = await loadModel("models/fable-mixtral", { threads });
        await model[Symbol.asyncDispose]();
        if (load === 20) settled = process.memoryUsage().rss;
      }
      // A model is 17 MB of weights: one that stayed would show 80 times.
      expect(process.memoryUsage().rss - settled).toBeLessThan(200e6);
    },
  );

  it("passes from a disposed machine to the next", async () => {
    const first = await createMachine({ threads: 2 });
    const { memory } = first;
    await first[Symbol.asyncDispose]();
    await using second = await createMachine({ threads: 2 });
    expect(second.memory).toBe(memory);
  });

  it("is freed in any order of owners", async () => {
    await using machine = await createMachine();
    const { arena } = machine;
    const before = arena.used;
    const older = arena.region();
    older.alloc(1024);
    const younger = arena.region();
    younger.alloc(2048);
    older[Symbol.dispose]();
    expect(arena.used).toBe(before + 2048);
    younger[Symbol.dispose]();
    expect(arena.used).toBe(before);
  });
});
