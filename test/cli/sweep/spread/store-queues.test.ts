import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { VERSION } from "../../../../src/base/version.ts";
import { classQueue, keepQueue, lookAtQueues, noWorkers } from "../../../../src/cli/sweep/spread/store-queues.ts";
import { folderStore } from "../../../../src/cli/sweep/store/folder-store.ts";

describe("queues of the studies in a store", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-queues-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("are taken by workers of their build that have the memory; others are told why not", async () => {
    const store = folderStore(folder);
    const look = (build: string, memory: number) => lookAtQueues(store, { build, memory });
    expect(await look("queue-b", 6e9)).toEqual({ take: [], left: [] });
    await keepQueue(store, classQueue("queue-a", 4));
    await keepQueue(store, classQueue("queue-a", 8));
    expect(await look("queue-a", 8e9)).toEqual({ take: ["queue-a-4gb", "queue-a-8gb"], left: [] });
    const tooLarge = "found cells that may need 8 GB, and this worker has 6.0 GB for each";
    expect(await look("queue-a", 6e9)).toEqual({
      take: ["queue-a-4gb"],
      left: [`${folder}: ${tooLarge}; it takes none of them`],
    });
    const { take, left } = await look("queue-b", 64e9);
    expect(take).toEqual([]);
    expect(left[0]).toBe(
      `${folder}: found cells of queue-a-4gb of version ${VERSION}, and this worker is of queue-b of version ${VERSION}; it takes none of them`,
    );
    await keepQueue(store, classQueue("queue-b", 1));
    expect(await look("queue-b", 64e9)).toEqual({ take: ["queue-b-1gb"], left: [] });
  });

  it("without a worker are told with the memory that is needed", () => {
    expect(noWorkers("queue-a-8gb", 12)).toContain("12 cells may need 8 GB each, and no worker takes such cells");
  });
});
