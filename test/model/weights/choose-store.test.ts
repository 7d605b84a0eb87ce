import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { chooseStore } from "../../../src/model/weights/choose-store.ts";
import type { Paging } from "../../../src/model/weights/paged/paging-facts.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { repositoryFile } from "../../helpers/shared.ts";

/** The store of a model whose weights take `factor` times as many bytes as fable-mixtral's 17 MB, without reading any. */
async function storeOf(factor: number, wish: { readonly memory?: string; readonly paging?: Paging } = {}) {
  const { linears, config, index } = await readModelFiles(await nodeFolder(repositoryFile("models/fable-mixtral")));
  await index.close();
  const larger = linears.map((linear) => ({
    ...linear,
    stored: { ...linear.stored, memoryBytes: factor * linear.stored.memoryBytes },
  }));
  await using machine = await createMachine({ threads: 1 });
  const store = await chooseStore(machine, { linears: larger, topK: config.topK, warn: () => {}, ...wish });
  return { memories: 1 + store.further.length, isPaged: store.isPaged, limitBytes: store.paging?.limitBytes };
}

describe("the store of a model", () => {
  it("is one memory for up to 3 GiB, and as many as are needed beyond", async () => {
    expect(await storeOf(1)).toEqual({ memories: 1, isPaged: false });
    expect(await storeOf(180)).toEqual({ memories: 1, isPaged: false });
    expect(await storeOf(200)).toEqual({ memories: 2, isPaged: false });
    expect(await storeOf(700)).toEqual({ memories: 4, isPaged: false });
  });

  it("is several memories within a limit that has room for all weights", async () => {
    expect(await storeOf(200, { memory: "5GB" })).toEqual({ memories: 2, isPaged: false });
    expect(await storeOf(200, { memory: "3GB" })).toEqual({ memories: 1, isPaged: true, limitBytes: 3e9 });
  });

  it("reads a model of more than 3 GiB block by block for jobs that do so, even without a limit", async () => {
    expect(await storeOf(180, { paging: "all" })).toEqual({ memories: 1, isPaged: false });
    expect(await storeOf(700, { paging: "all" })).toEqual({ memories: 1, isPaged: true, limitBytes: 3.75 * 2 ** 30 });
  });
});
