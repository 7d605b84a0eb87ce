import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readSweepConfig } from "../../../../src/cli/sweep/config/read-sweep-config.ts";
import { CONFIG, SweepFolder } from "../sweep-folder.ts";

let folder: SweepFolder;
beforeAll(() => {
  folder = new SweepFolder();
});
afterAll(() => folder[Symbol.dispose]());

describe("readSweepConfig", () => {
  it("counts paths from the configuration's own folder", async () => {
    const tasks = { name: "tasks", type: "tasks", tasks: ["copa"], data: "../data" };
    const calibration = [{ name: "text", text: ["a.txt", "/b.txt"] }];
    const path = folder.write("paths.json", { ...CONFIG, calibration, metrics: [...CONFIG.metrics, tasks] });
    const config = await readSweepConfig(path);
    expect(config.calibration[0].text).toEqual([folder.at("a.txt"), "/b.txt"]);
    expect(config.metrics).toMatchObject([{ idsFile: folder.at("text.json") }, { data: folder.at("../data") }]);
    expect(config.models).toEqual(CONFIG.models);
  });

  it.each([
    [{ plans: [{ name: "float", policy: "uniform:4" }] }, 'found the name "float", which is the float model\'s own'],
    [
      { plans: [{ name: "a", policy: "uniform:4", control: "b" }] },
      'plan a: found a reference to "b", expected one of a',
    ],
    [{ grids: [{ name: "g" }, { name: "g" }] }, 'field grids: found the name "g" twice, expected each once'],
    [
      { plans: [{ name: "a", policy: "uniform:4", refine: true }] },
      "plan a: found refine with policy uniform:4, expected policy knapsack",
    ],
    [{ metrics: [] }, "field metrics: found an array, expected a list with something in it"],
    [
      { metrics: [{ name: "m", type: "kl", windows: 3 }] },
      "field metrics.0.windows: found no such field, expected window",
    ],
    [
      { plans: [{ name: "a", policy: "uniform:4", competesAt: [{ menu: [2, 5], budget: 3 }] }] },
      "field plans.0.competesAt.0.menu.1: found 5, expected 2, 3, 4, 8",
    ],
    [
      { plans: [{ name: "a", policy: "uniform:4", competesAt: [{ menu: [2], budgets: 3 }] }] },
      "field plans.0.competesAt.0.budgets: found no such field, expected budget or another of menu, budget",
    ],
    [{ grids: [{ name: "g", clip: "all" }] }, 'field grids.0.clip: found "all", expected none, mse, hessian or auto'],
  ])("refuses %j", async (change, sentence) => {
    await expect(readSweepConfig(folder.write("bad.json", { ...CONFIG, ...change }))).rejects.toThrow(sentence);
  });
});
