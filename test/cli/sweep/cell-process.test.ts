import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import type { ProgressEvent } from "../../../src/cli/show/progress.ts";
import { cellProcess, tellParent } from "../../../src/cli/sweep/cell-process.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { CONFIG, SweepFolder } from "./sweep-folder.ts";

const program = process.argv[1];
let folder: SweepFolder;
beforeAll(() => {
  folder = new SweepFolder();
  process.argv[1] = repositoryFile("dist/cli/main.js");
});
afterAll(() => {
  process.argv[1] = program;
  folder[Symbol.dispose]();
});

describe("the process of a cell", () => {
  it("tells how far it is: matrices, windows of a text, items of tasks", async () => {
    const data = repositoryFile("test/fixtures/eval/data");
    const tasks = { name: "tasks", type: "tasks", tasks: ["copa"], data };
    const metrics = [...CONFIG.metrics, tasks];
    const cell = {
      ...{ key: "any", model: CONFIG.models[0], plan: CONFIG.plans[0], grid: { name: "default" }, seed: 0 },
      calibration: { ...CONFIG.calibration[0], idsFile: folder.at("draw.json") },
      hashes: { model: "of the model", calibration: "of the draw", metrics: "of the metrics" },
    };
    const told: ProgressEvent[] = [];
    const printed = await cellProcess(cell, {
      config: folder.write("sweep.json", { ...CONFIG, grids: [cell.grid], metrics }),
      ...{ cache: folder.at("cache"), threads: 1, kernels: "auto", more: [] },
      onProgress: (event) => told.push(event),
      signal: new AbortController().signal,
    });
    expect(JSON.parse(printed).metrics.tasks.tasks.copa.outcomes).toMatch(/^[01]+$/);
    const of = (phase: string) => told.find((event) => event.phase === phase);
    expect(of("quantize")).toMatchObject({ unit: "matrices", total: expect.any(Number) });
    expect(of("compare")).toMatchObject({ total: expect.any(Number) });
    expect(of("evaluate")).toMatchObject({ unit: "items", detail: "copa" });
  }, 60_000);
});

describe("what a cell tells the process that began it", () => {
  it("is the beginning of each phase, and no more than one message a second", () => {
    const sent: unknown[] = [];
    const now = vi.spyOn(performance, "now");
    const send = process.send;
    process.send = (event: unknown) => sent.push(event) > 0;
    try {
      const tell = tellParent();
      const at = (time: number, phase: string, done: number) => {
        now.mockReturnValue(time);
        tell({ phase, done, total: 9 });
      };
      at(5000, "quantize", 0);
      at(5900, "quantize", 1);
      at(6000, "quantize", 2);
      at(6100, "compare", 0);
      at(6200, "compare", 1);
    } finally {
      process.send = send;
      now.mockRestore();
    }
    expect(sent).toEqual([
      { phase: "quantize", done: 0, total: 9 },
      { phase: "quantize", done: 2, total: 9 },
      { phase: "compare", done: 0, total: 9 },
    ]);
  });
});
