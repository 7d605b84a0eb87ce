import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../src/adapter/node.ts";
import { loadModel } from "../../src/index.ts";
import { expectedUse } from "../../src/model/expected-use.ts";
import { inspectModel } from "../../src/model/inspect.ts";
import { readModelFiles } from "../../src/model/model.ts";
import { repositoryFile } from "../helpers/shared.ts";

const FOLDER = repositoryFile("test/fixtures/gptq-checkpoints/mixtral-b4-g64");

describe("expectedUse", () => {
  it("tells the bytes that loading takes, and those that a longer cache takes", async () => {
    const files = await readModelFiles(await nodeFolder(FOLDER));
    const { modules } = inspectModel(files);
    const { weightBytes, cacheBytesPerToken, memoryBytes } = expectedUse(files.config, modules, { context: 128 });
    expect(memoryBytes).toBe(weightBytes + 128 * cacheBytesPerToken);
    await files.index.close();
    const model = await loadModel(FOLDER, { threads: 1 });
    expect(model.weights.store.bytes).toBe(weightBytes);
    // Two sessions that differ in their context only, within the same RoPE table.
    const usedFor = (context: number) => {
      const before = model.machine.arena.used;
      using _ = model.session({ context });
      return model.machine.arena.used - before;
    };
    using _ = model.session({ context: 256 });
    expect(usedFor(256) - usedFor(128)).toBe(128 * cacheBytesPerToken);
    await model[Symbol.asyncDispose]();
  });
});
