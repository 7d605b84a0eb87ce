import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../../src/adapter/node.ts";
import { UsageError } from "../../../../src/base/errors.ts";
import { readModelFiles } from "../../../../src/model/model.ts";
import { storeFor } from "../../../../src/model/weights/paged/memory-limit.ts";
import { PagedStore } from "../../../../src/model/weights/paged/paged-store.ts";
import { createMachine } from "../../../../src/wasm/embedded.ts";
import { repositoryFile } from "../../../helpers/shared.ts";

async function storeWith(memory: unknown, path = "models/fable-mixtral") {
  const { linears, config, index } = await readModelFiles(await nodeFolder(repositoryFile(path)));
  await using machine = await createMachine();
  try {
    const wish = { linears, topK: config.topK, memory: memory as string, warn: () => {} };
    return storeFor(machine, wish);
  } finally {
    await index.close();
  }
}

describe("a limit of memory", () => {
  it("keeps all weights where they fit with some room, or where there is no limit", async () => {
    for (const memory of [undefined, "1GB", 4e9]) expect(await storeWith(memory)).not.toBeInstanceOf(PagedStore);
  });

  it("has experts read where not all of them fit", async () => {
    for (const memory of ["8MB", 9e6]) expect(await storeWith(memory)).toBeInstanceOf(PagedStore);
  });

  it("tells the least limit, from what stays and the experts of one layer", async () => {
    await expect(storeWith("3MB")).rejects.toThrow(
      /^memory: found 3 MB, expected more than \d+ MB: \d+ MB that stay and \d+ MB for the experts of one layer, and room for the text$/,
    );
    await expect(storeWith("1kB", "test/fixtures/families/qwen3-f32")).rejects.toThrow(/the model has no experts/);
  });

  it("refuses what is no size", async () => {
    for (const memory of ["", "2", "two GB", "-1GB", 0, -5, 1.5, Number.NaN, null, {}])
      await expect(storeWith(memory)).rejects.toThrow(UsageError);
  });
});
