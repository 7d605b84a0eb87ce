import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { quern } from "../quern.ts";
import { CONFIG, parseLines, SweepFolder } from "./sweep-folder.ts";

let folder: SweepFolder;
let path: string;
beforeAll(() => {
  folder = new SweepFolder();
  path = folder.write("sweep.json", CONFIG);
});
afterAll(() => folder[Symbol.dispose]());

const run = (cell: string, input = "") =>
  quern(["sweep", path, "--cell", cell, "--cache", folder.at("cache"), "--json", "--quiet"], input);

describe("quern sweep --cell", () => {
  it("runs one by its key, and the same handed over whole without hashing anything again", () => {
    const [, key] = folder.keys(CONFIG);
    const [byHand] = parseLines(run(String(key)).stdout);
    expect(byHand).toMatchObject({ key, plan: "attention", seed: 0 });
    const cell = {
      key: "any",
      ...{ model: CONFIG.models[0], plan: CONFIG.plans[0], grid: CONFIG.grids[0], seed: 0 },
      calibration: { ...CONFIG.calibration[0], idsFile: folder.at("draw.json") },
      hashes: { model: "of the model", calibration: "of the draw", metrics: "of the metrics" },
    };
    const [handed] = parseLines(run("-", JSON.stringify(cell)).stdout);
    expect({ ...handed, timing: null }).toEqual({ ...byHand, key: "any", hashes: cell.hashes, timing: null });
  }, 60_000);

  it("holds rules to their budget, and the knapsack to its budget and its menu", () => {
    const grids = [{ ...CONFIG.grids[0], groupSize: 64 }];
    const labels = { strategy: "knapsack of two widths", competesAt: [{ menu: [2, 4], budget: 2.5 }] };
    const plans = [
      { name: "within", policy: "attention:4,base:2", budget: "2.2" },
      { name: "beyond", policy: "attention:4,base:2", budget: "4.19MB" },
      { name: "chosen", policy: "knapsack:2,4", budget: "2.5", ...labels },
    ];
    const config = { ...CONFIG, grids, plans, sampleTokens: 32 };
    const keys = folder.keys(config).map(String);
    const other = folder.write("budgets.json", config);
    const [within, beyond, chosen] = keys
      .slice(1)
      .map((key) => quern(["sweep", other, "--cell", key, "--cache", folder.at("budgets"), "--json", "--quiet"]));
    expect(within.status).toBe(0);
    expect(beyond.stderr).toContain("plan beyond: found 4193");
    expect(beyond.stderr).toContain("bytes, expected at most its budget of 4190000");
    const [cell] = parseLines(chosen.stdout);
    expect(cell).toMatchObject({ plan: "chosen", policy: "knapsack:2,4", ...labels });
    expect(parseLines(within.stdout)[0]).not.toHaveProperty("strategy");
    expect(cell.averageBits).toBeLessThanOrEqual(2.5);
    expect(cell.averageBits).toBeGreaterThan(2.48);
  }, 120_000);

  it.each([
    ["{", "found"],
    ["[]", "stdin: found an array, expected a JSON object"],
    ['{"key":"k","model":{}}', "stdin: found no plan, expected a cell of a sweep"],
  ])("refuses %s on stdin", (input, told) => {
    const { status, stderr } = run("-", input);
    expect(status).toBe(1);
    expect(stderr).toContain("FORMAT");
    expect(stderr).toContain(told);
  });

  it("refuses a key that the configuration does not have", () => {
    const { stderr } = run("nothing");
    expect(stderr).toContain(`USAGE: --cell: found nothing, expected a key of ${path}`);
  });
});
