import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { FileError } from "../../../../src/base/errors.ts";
import { folderStore } from "../../../../src/cli/sweep/store/folder-store.ts";

describe("folderStore", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-store-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("keeps texts and files under their names", async () => {
    const store = folderStore(join(folder, "new/store"));
    expect(await store.list("results")).toEqual([]);
    expect(await store.text("results/a.json")).toBeUndefined();
    await store.writeText("results/a.json", "one");
    writeFileSync(join(folder, "file"), "two");
    await store.upload("blobs/b", join(folder, "file"));
    await store.download("blobs/b", join(folder, "deep/er/copy"));
    expect(await store.text("results/a.json")).toBe("one");
    expect(await store.list("results")).toEqual(["a.json"]);
    expect([await store.has("blobs/b"), await store.has("blobs/c")]).toEqual([true, false]);
    expect(readFileSync(join(folder, "deep/er/copy"), "utf8")).toBe("two");
  });

  it("leaves nothing of an upload that fails, and does not list what is being written", async () => {
    const store = folderStore(folder);
    await expect(store.upload("blobs/b", join(folder, "missing"))).rejects.toThrow(FileError);
    expect(readdirSync(join(folder, "blobs"))).toEqual([]);
    writeFileSync(join(folder, "blobs/c.0a1b.writing"), "part");
    expect(await store.list("blobs")).toEqual([]);
  });
});
