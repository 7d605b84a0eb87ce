import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../../src/adapter/node.ts";
import { memoryBytes } from "../../../../src/files/byte-size.ts";
import { readModelFiles } from "../../../../src/model/model.ts";
import type { Linear } from "../../../../src/model/weights/linears.ts";
import { type PagedWish, pagedStore } from "../../../../src/model/weights/paged/memory-limit.ts";
import { PagedStore } from "../../../../src/model/weights/paged/paged-store.ts";
import { createMachine } from "../../../../src/wasm/embedded.ts";
import { repositoryFile } from "../../../helpers/shared.ts";

async function storeWith(
  { memory, paging }: { memory: string | number; paging?: PagedWish["paging"] },
  path = "models/fable-mixtral",
) {
  const { linears, config, index } = await readModelFiles(await nodeFolder(repositoryFile(path)));
  await using machine = await createMachine();
  try {
    const limitBytes = memoryBytes(memory);
    return pagedStore(machine, { linears, topK: config.topK, warn: () => {}, limitBytes, paging });
  } finally {
    await index.close();
  }
}

describe("a limit of memory", () => {
  it("keeps all weights where they fit with some room", async () => {
    for (const memory of ["1GB", 4e9]) expect(await storeWith({ memory })).toBe(undefined);
  });

  it("has experts read where not all of them fit, and all weights on request or where the others do not fit either", async () => {
    const isRouterKept = async (...wish: Parameters<typeof storeWith>) => {
      const store = await storeWith(...wish);
      if (!(store instanceof PagedStore)) throw new Error("expected a paged store");
      return store.isKept(store.linears.find(({ role }) => role === "router") as Linear);
    };
    for (const memory of ["8MB", 9e6]) expect(await isRouterKept({ memory })).toBe(true);
    expect(await isRouterKept({ memory: "8MB", paging: "all" })).toBe(false);
    expect(await isRouterKept({ memory: "3MB" })).toBe(false);
  });

  it("tells the least limit", async () => {
    const least = async (paging?: PagedWish["paging"]) => {
      const error = await storeWith({ memory: "300kB", paging }).catch((reason: Error) => reason.message);
      return Number(
        /^memory: found 1 MB, expected more than (\d+) MB, and room for the text$/.exec(String(error))?.[1],
      );
    };
    expect(await least()).toBeGreaterThan(0);
    expect(await least()).toBe(await least("all"));
    expect(await least("experts")).toBeGreaterThan(await least("all"));
  });
});
