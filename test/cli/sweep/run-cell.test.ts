import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { repositoryFile } from "../../helpers/shared.ts";
import { quern } from "../quern.ts";
import { CONFIG, MODEL, parseLines, SweepFolder } from "./sweep-folder.ts";

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

  it("shares what the float model computes with other cells of its draw, and computes what is cut short", () => {
    const config = { ...CONFIG, grids: [{ name: "default" }] };
    const other = folder.write("gptq.json", config);
    const [, attention, random] = folder.keys(config).map(String);
    const cellIn = (key: string, cache: string) => {
      const { stdout } = quern(["sweep", other, "--cell", key, "--cache", folder.at(cache), "--json", "--quiet"]);
      return { ...parseLines(stdout)[0], timing: null };
    };
    const [first, second] = [cellIn(attention, "first"), cellIn(random, "second")];
    const blocks = readdirSync(folder.at("first")).filter((name) => /^float-[0-9a-f]{24}-[0-5]$/.test(name));
    expect(blocks).toHaveLength(6);
    truncateSync(join(folder.at("first"), blocks[3]), 4000);
    const ofOtherDraw = `float-${"0".repeat(24)}-3`;
    for (const name of [ofOtherDraw, "float-mine"]) writeFileSync(join(folder.at("first"), name), "");
    const before = statSync(join(folder.at("first"), blocks[2])).mtimeMs;
    expect(cellIn(random, "first")).toEqual(second);
    expect(statSync(join(folder.at("first"), blocks[2])).mtimeMs).toBe(before);
    expect(statSync(join(folder.at("first"), blocks[3])).size).toBe(2 * 64 * 192 * 4);
    expect(cellIn(attention, "first")).toEqual(first);
    expect(readdirSync(folder.at("first"))).toContain(ofOtherDraw);
    // A sweep goes draw by draw, and keeps the blocks of one.
    const cell = {
      ...{ key: "any", model: CONFIG.models[0], plan: CONFIG.plans[0], grid: config.grids[0], seed: 0 },
      calibration: { ...CONFIG.calibration[0], idsFile: folder.at("draw.json") },
      hashes: { model: "of the model", calibration: "of the draw", metrics: "of the metrics" },
    };
    quern(["sweep", other, "--cell", "-", "--cache", folder.at("first"), "--quiet"], JSON.stringify(cell));
    const left = readdirSync(folder.at("first")).filter((name) => name.startsWith("float-"));
    expect(left).toHaveLength(7);
    expect(left).toContain("float-mine");
    for (const name of [ofOtherDraw, ...blocks]) expect(left).not.toContain(name);
  }, 60_000);

  it("keeps the answers to tasks, and asks only for what was cut off", () => {
    const data = repositoryFile("test/fixtures/eval/data");
    const metrics = [{ name: "tasks", type: "tasks", tasks: ["copa", "piqa"], data, limit: 3 }];
    const config = { ...CONFIG, metrics };
    const [float] = folder.keys(config).map(String);
    const other = folder.write("tasks.json", config);
    const outcomes = () => {
      const { stdout } = quern(["sweep", other, "--cell", float, "--cache", folder.at("asked"), "--json", "--quiet"]);
      const { copa, piqa } = parseLines(stdout)[0].metrics.tasks.tasks;
      return [copa.outcomes, piqa.outcomes];
    };
    const whole = outcomes();
    expect(whole.join("")).toMatch(/^[01]{5}$/);
    const [name, ...more] = readdirSync(folder.at("asked")).filter((one) => one.startsWith("answers-"));
    expect(more).toEqual([]);
    const path = join(folder.at("asked"), name);
    const written = readFileSync(path, "utf8");
    expect(written.split("\n")).toHaveLength(1 + 5 + 1);
    // The last answer is cut off, and the first one changed: it is taken as it stands.
    const changed = written.slice(0, -20).replace(/"resps":\[(\[.*?\]),(\[.*?\])\]/, '"resps":[$2,$1]');
    writeFileSync(path, changed);
    const flipped = whole[0].startsWith("0") ? "1" : "0";
    expect(outcomes()).toEqual([flipped + whole[0].slice(1), whole[1]]);
    expect(readFileSync(path, "utf8").split("\n").at(-2)).toBe(written.split("\n").at(-2));
  }, 60_000);

  it("holds rules to their budget, and the knapsack to its budget and its menu", () => {
    const grids = [{ ...CONFIG.grids[0], groupSize: 64 }];
    const labels = { strategy: "knapsack of two widths", competesAt: [{ menu: [2, 4], budget: 2.5 }] };
    const plans = [
      { name: "within", policy: "attention:4,base:2", budget: "2.2" },
      { name: "beyond", policy: "attention:4,base:2", budget: "4.19MB" },
      { name: "chosen", policy: "knapsack:2,4", budget: "2.5", ...labels },
      { name: "refined", policy: "knapsack:2,4", budget: "2.5", refine: true },
    ];
    const config = { ...CONFIG, grids, plans, sampleTokens: 32 };
    const keys = folder.keys(config).map(String);
    const other = folder.write("budgets.json", config);
    const [within, beyond, chosen, refined] = keys
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
    // Refined damages belong to another cell with another prediction.
    expect(keys[4]).not.toBe(keys[3]);
    const [under] = parseLines(refined.stdout);
    expect(under.averageBits).toBeGreaterThan(2.48);
    expect(under.predictedKl).toBeGreaterThan(0);
    expect(cell.predictedKl).toBeGreaterThan(0);
    expect(under.predictedKl).not.toBe(cell.predictedKl);
    expect(parseLines(within.stdout)[0]).not.toHaveProperty("predictedKl");
    expect(folder.keys({ ...config, plans: [{ ...plans[2], refine: false }] })[1]).toBe(keys[3]);
  }, 120_000);

  it("lets the model write its calibration text at a temperature, as `calibrate --self --self-temperature` does", () => {
    const draw = { name: "self", self: true, samples: 2, length: 16, seed: 3 };
    const expertsAt = (temperature?: number) => {
      const config = { ...CONFIG, calibration: [{ ...draw, temperature }] };
      const [key] = folder.keys(config).map(String);
      const other = folder.write("self.json", config);
      const { stdout } = quern(["sweep", other, "--cell", key, "--cache", folder.at("self"), "--json", "--quiet"]);
      return parseLines(stdout)[0].experts;
    };
    const varied = expertsAt(1.5);
    // It is written once for all cells of the draw.
    const [text, ...more] = readdirSync(folder.at("self")).filter((name) => name.startsWith("text-"));
    expect(more).toEqual([]);
    const { mtimeMs } = statSync(join(folder.at("self"), text));
    expect(expertsAt(1.5)).toEqual(varied);
    expect(statSync(join(folder.at("self"), text)).mtimeMs).toBe(mtimeMs);
    const options = ["--samples", "2", "--length", "16", "--seed", "3", "--self-temperature", "1.5"];
    const { stdout } = quern([
      "calibrate",
      MODEL,
      "--self",
      ...options,
      "--output",
      folder.at("s.safetensors"),
      "--json",
    ]);
    expect(JSON.parse(stdout).experts).toEqual(varied);
    expect(expertsAt(1)).not.toEqual(varied);
    expect(expertsAt()).toEqual(expertsAt(1));
  }, 60_000);

  it("scores what is left of a text after the ids that it skips, up to the limit", () => {
    const plans = [CONFIG.plans[0]].map(({ name, policy }) => ({ name, policy }));
    const metric = (name: string, skip?: number, limit?: number) => ({ ...CONFIG.metrics[0], name, skip, limit });
    const own = { ...metric("own"), forPrediction: true };
    const metrics = [metric("whole"), metric("second", 32, 32), metric("rest", 20), own];
    const config = { ...CONFIG, plans, metrics };
    const [, key] = folder.keys(config).map(String);
    const other = folder.write("skip.json", config);
    const { stdout } = quern(["sweep", other, "--cell", key, "--cache", folder.at("skip"), "--json", "--quiet"]);
    const { whole, second, rest, ...others } = parseLines(stdout)[0].metrics;
    // Text for the prediction is measured as any other, and says what it is for.
    expect(others).toEqual({ own: { ...whole, forPrediction: true } });
    expect(whole.windows).toHaveLength(3);
    expect(second.windows).toEqual([whole.windows[1]]);
    expect(rest.windows).toHaveLength(2); // 76 ids
    expect(rest.windows).not.toContain(whole.windows[0]);
    const keyOf = (skip?: number) => folder.keys({ ...config, metrics: [metric("kl", skip)] })[1];
    expect(keyOf()).toBe(folder.keys({ ...CONFIG, plans })[1]);
    expect(keyOf(32)).not.toBe(keyOf(20));
  }, 60_000);

  it("refuses to skip ids of a file whose windows are given", () => {
    const metrics = [{ ...CONFIG.metrics[0], idsFile: "draw.json", skip: 8 }];
    const [key] = folder.keys({ ...CONFIG, metrics }).map(String);
    const other = folder.write("windows.json", { ...CONFIG, metrics });
    const { stderr } = quern(["sweep", other, "--cell", key, "--cache", folder.at("windows"), "--json", "--quiet"]);
    expect(stderr).toContain(
      "metric kl: found skip 8 and a file of windows, expected skip with a text or a list of ids",
    );
  }, 60_000);

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
