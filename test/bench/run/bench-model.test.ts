import { describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { readBenchReport } from "../../../src/bench/report/report-schema.ts";
import { type BenchOptions, bench } from "../../../src/bench/run/bench-model.ts";
import { loadModel } from "../../../src/index.ts";
import { readModelFiles } from "../../../src/model/model.ts";
import { repositoryFile } from "../../helpers/shared.ts";
import { openTinyModel } from "../../helpers/tiny-model.ts";

const SMALL: BenchOptions = {
  ...{ prompt: [8, 70], generate: [4], depth: [0, 16], repeat: 3, matrix: 128, streamBytes: 1 << 20 },
};
const open = () => openTinyModel({ threads: 1, activations: "int8" });

describe("bench", () => {
  it("measures each test as often as asked for, and gives a document that can be read again", async () => {
    const done: string[] = [];
    const report = await bench(open, {
      ...SMALL,
      onProgress: ({ done: at, total }) => void done.push(`${at}/${total}`),
    });
    expect(report.results.map(({ test, unit, n }) => `${test}: ${n} ${unit}`)).toEqual([
      ...["pp8: 3 tokens/s", "pp70: 3 tokens/s", "tg4: 3 tokens/s"],
      ...["pp8 @ d16: 3 tokens/s", "pp70 @ d16: 3 tokens/s", "tg4 @ d16: 3 tokens/s"],
      ...["open: 1 ms", "first token: 1 ms", "gptq 128x128: 3 ms"],
    ]);
    const [opening, first] = ["open", "first token"].map((name) => report.results.find(({ test }) => test === name));
    expect(first?.mean).toBeGreaterThan(opening?.mean as number); // it begins with opening
    for (const { mean, samples, share, ceiling } of report.results) {
      expect(mean).toBeCloseTo(samples.reduce((sum, each) => sum + each, 0) / samples.length, 9);
      expect(share === null).toBe(ceiling === null);
    }
    expect(done.at(-1)).toBe("21/21");
    expect(readBenchReport(JSON.parse(JSON.stringify(report)), "report")).toEqual(report);
  });

  it("tells model, engine and memory", async () => {
    const report = await bench(open, SMALL);
    await using model = await open();
    const weights = model.files.linears.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
    const { heads, headDim, valueDim, layers } = model.config;
    const rows = 70 + 86; // a session for each depth
    expect(report.memory).toMatchObject({ weights, cache: rows * layers * 4 * heads * (headDim + valueDim) });
    expect(report.memory?.scratch).toBeGreaterThan(0);
    expect(report.memory?.peakResident).toBeGreaterThan(weights);
    expect(report.engine).toEqual(model.engine);
    expect(report.model?.name).toBe(model.files.name);
    expect(report.machine.cores).toBeGreaterThan(0);
  });

  it("counts the weights that are in memory within a limit, and what was read", async () => {
    const folder = await nodeFolder(repositoryFile("models/fable-mixtral"));
    const { linears } = await readModelFiles(folder);
    const all = linears.reduce((sum, { stored }) => sum + stored.memoryBytes, 0);
    const memory = 14_000_000;
    const short = { prompt: [8], generate: [2], depth: [0], repeat: 1, matrix: 0, streamBytes: 1 << 20 };
    const report = await bench(() => loadModel(folder, { threads: 1, memory }), short);
    expect(report.memory?.weights).toBeLessThan(all);
    expect(report.memory?.scratch).toBeGreaterThan(0);
    const { limitBytes, uses, misses, readBytes } = report.memory?.paging ?? {};
    expect(limitBytes).toBe(memory);
    expect(misses).toBeGreaterThan(0);
    expect(uses).toBeGreaterThan(misses as number);
    expect(readBytes).toBeGreaterThan(0);
    expect(readBenchReport(JSON.parse(JSON.stringify(report)), "report")).toEqual(report);
  });

  it("leaves GPTQ out if it is not wanted", async () => {
    const { results } = await bench(open, { ...SMALL, repeat: 1, matrix: 0 });
    expect(results.at(-1)?.test).toBe("first token");
  });

  it.each([
    [{ repeat: 0 }, "repeat: found 0, expected an integer from 1"],
    [{ matrix: 100 }, "matrix: found 100, expected 0 or a multiple of 128"],
    [{ prompt: [0] }, "prompt: found 0"],
    [{ promt: [8] } as object, "bench: option promt: found an option that it does not have, expected prompt"],
  ])("refuses %j before it opens the model", async (options, sentence) => {
    let opened = 0;
    const count = () => {
      opened++;
      return open();
    };
    await expect(bench(count, options)).rejects.toThrow(sentence);
    expect(opened).toBe(0);
  });

  it("ends when it is aborted, and disposes the model", async () => {
    const abortion = new AbortController();
    const model = await open();
    const onProgress = () => abortion.abort(new Error("enough"));
    await expect(bench(async () => model, { ...SMALL, signal: abortion.signal, onProgress })).rejects.toThrow("enough");
    expect(() => model.session()).toThrow("a call after disposal");
  });
});
