import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { SweepCell } from "../../../../src/cli/sweep/cell-list.ts";
import { keepResult, readResult, resultNames } from "../../../../src/cli/sweep/spread/results.ts";
import { folderStore } from "../../../../src/cli/sweep/store/folder-store.ts";
import type { Store } from "../../../../src/cli/sweep/store/store.ts";

const CELL: SweepCell = {
  ...{ key: "k".repeat(64), seed: 1, hashes: { model: "m" } },
  model: { name: "my model", path: "/m" },
  plan: { name: "my plan", policy: "uniform:3", strategy: "uniform" },
  grid: { name: "my grid" },
  calibration: { name: "my draw" },
};
const LINE = {
  ...{
    key: CELL.key,
    model: "their model",
    plan: "their plan",
    family: "theirs",
    seed: 1,
    averageBits: 3,
    hashes: { model: "m" },
  },
  ...{ versions: { runtime: "node 20" }, timing: { seconds: 1 } },
};

describe("results in a store", () => {
  let folder: string;
  let store: Store;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-results-"));
    store = folderStore(folder);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));
  const names = async () => (await resultNames(store)).get(CELL.key) ?? [];

  it("are one file for machines that measured the same, whatever their labels, versions and times", async () => {
    await keepResult(store, CELL.key, LINE);
    await keepResult(store, CELL.key, {
      ...LINE,
      plan: "another",
      versions: { runtime: "deno" },
      timing: { seconds: 2 },
    });
    expect((await names()).length).toBe(1);
  });

  it("get the labels of the configuration that asks", async () => {
    await keepResult(store, CELL.key, LINE);
    const result = await readResult(store, CELL, await names());
    expect(result).toMatchObject({
      model: "my model",
      plan: "my plan",
      grid: "my grid",
      calibration: "my draw",
      strategy: "uniform",
    });
    expect(result).toMatchObject({ averageBits: 3, timing: { seconds: 1 } });
    expect(result).not.toHaveProperty("family");
  });

  it("are an error when two machines disagree", async () => {
    await keepResult(store, CELL.key, LINE);
    await keepResult(store, CELL.key, { ...LINE, averageBits: 3.5 });
    const both = await names();
    expect(both.length).toBe(2);
    await expect(readResult(store, CELL, both)).rejects.toThrow(
      "which differ, expected the same numbers from every machine",
    );
  });
});
