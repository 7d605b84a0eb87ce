import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VERSION } from "../../../../src/base/version.ts";
import { keepBuild, otherBuilds } from "../../../../src/cli/sweep/spread/builds.ts";
import { folderStore } from "../../../../src/cli/sweep/store/folder-store.ts";

describe("builds that use a store", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-builds-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are told to a worker whose own build has no study there", async () => {
    const store = folderStore(folder);
    expect(await otherBuilds(store, "queue-b")).toBe(undefined);
    await keepBuild(store, "queue-a");
    const told = `found studies of ${VERSION} (queue-a) only, and this is ${VERSION} (queue-b); it takes none of their cells`;
    expect(await otherBuilds(store, "queue-b")).toBe(`${folder}: ${told}`);
    expect(await otherBuilds(store, "queue-a")).toBe(undefined);
    await keepBuild(store, "queue-b");
    expect(await otherBuilds(store, "queue-b")).toBe(undefined);
  });
});
