import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cellsOf } from "../../../../src/cli/sweep/cell-list.ts";
import { readSweepConfig } from "../../../../src/cli/sweep/config/read-sweep-config.ts";
import { keepStudy, layStudy } from "../../../../src/cli/sweep/spread/spread-study.ts";
import { folderStore } from "../../../../src/cli/sweep/store/folder-store.ts";
import { CONFIG, MODEL, SweepFolder } from "../sweep-folder.ts";

const quiet = { signal: new AbortController().signal, report: () => {} };

describe("a study in a store", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "quern-study-"));
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  it("gives a worker the same cells from copies of all that they read", async () => {
    using sweep = new SweepFolder();
    symlinkSync(MODEL, sweep.at("model"));
    mkdirSync(sweep.at("data/copa"), { recursive: true });
    const tasks = { name: "tasks", type: "tasks", tasks: ["copa"], data: "data", limit: 2 };
    const models = [{ name: "mixtral", path: "model" }];
    const config = await readSweepConfig(
      sweep.write("study.json", { ...CONFIG, models, metrics: [...CONFIG.metrics, tasks] }),
    );
    const store = folderStore(join(folder, "store"));
    const name = await keepStudy(store, config);
    const path = await layStudy(store, name, join(folder, "worker"));
    const laid = await readSweepConfig(path);
    expect((await cellsOf(laid, quiet)).map(({ key }) => key)).toEqual(
      (await cellsOf(config, quiet)).map(({ key }) => key),
    );
    expect(readFileSync(path, "utf8")).not.toContain(sweep.path);
    expect(laid.models[0].path.startsWith(join(folder, "worker"))).toBe(true);
    // What lies there is not copied again.
    rmSync(join(folder, "store"), { recursive: true });
    expect(await layStudy(store, name, join(folder, "worker"))).toBe(path);
  });

  it("is refused when it names a file outside of its folder", async () => {
    const store = folderStore(join(folder, "store"));
    const blob = { sha256: "a".repeat(64), bytes: 1 };
    for (const place of ["../out", "models/../../out", "/out", "C:/out", "models//out", "out"]) {
      await store.writeText("studies/bad.json", JSON.stringify({ config: {}, files: { [place]: blob } }));
      await expect(layStudy(store, "bad", join(folder, "worker"))).rejects.toThrow(JSON.stringify(place));
    }
    await expect(layStudy(store, "none", join(folder, "worker"))).rejects.toThrow("found no such file");
    expect(existsSync(join(folder, "worker/sweep.json"))).toBe(false);
  });

  it("names a file that is missing", async () => {
    const store = folderStore(join(folder, "store"));
    writeFileSync(join(folder, "text.json"), "[1, 2]");
    const metrics = [{ name: "kl", type: "kl" as const, idsFile: join(folder, "text.json") }];
    const config = {
      models: [{ name: "m", path: join(folder, "none") }],
      calibration: [],
      grids: [],
      plans: [],
      metrics,
    };
    await expect(keepStudy(store, config)).rejects.toThrow(join(folder, "none"));
  });
});
