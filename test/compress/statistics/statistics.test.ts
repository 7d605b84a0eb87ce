import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { nodeFolder } from "../../../src/adapter/node.ts";
import { UsageError } from "../../../src/base/errors.ts";
import { Turns } from "../../../src/base/turns.ts";
import { calibrate, type PartialStatistics } from "../../../src/compress/statistics/calibrate.ts";
import { type InputStatistics, inputOf, type Statistics } from "../../../src/compress/statistics/statistics.ts";
import {
  readPartialStatistics,
  readStatistics,
  writePartialStatistics,
  writeStatistics,
} from "../../../src/compress/statistics/statistics-file.ts";
import { mergeStatistics } from "../../../src/compress/statistics/statistics-sum.ts";
import { removeTriangles } from "../../../src/compress/statistics/triangles.ts";
import { WindowBatch, type Windows } from "../../../src/compress/windows/window-batch.ts";
import { memoryOutput } from "../../../src/files/output.ts";
import { bytesSource } from "../../../src/files/source.ts";
import { memoryWorkFolder } from "../../../src/files/work-folder.ts";
import { Model, readModelFiles } from "../../../src/model/model.ts";
import type { Tap } from "../../../src/model/pass/record/pass.ts";
import { createMachine } from "../../../src/wasm/embedded.ts";
import { sharedFile } from "../../helpers/shared.ts";

const WINDOWS = (JSON.parse(readFileSync("test/fixtures/eval/calibration-ids.json", "utf8")) as { windows: number[][] })
  .windows;

/** Through the bytes of a file and back. */
async function reread(statistics: Statistics): Promise<Statistics> {
  return readStatistics(bytesSource("stats", await bytesOf((file) => writeStatistics(file, statistics))));
}

async function bytesOf(write: (file: Parameters<typeof writeStatistics>[0]) => Promise<void>): Promise<Uint8Array> {
  const folder = memoryOutput();
  const sink = await folder.file("f");
  const commit = async () => {
    await sink.close();
    await folder.commit();
  };
  await write({ ...folder, ...sink, name: "f", commit });
  return folder.files.get("f") as Uint8Array;
}

describe.each(["fable-mixtral", "fable-deepseek"])("statistics of %s", (name) => {
  let model: Model;
  let whole: Statistics;
  beforeAll(async () => {
    const files = await readModelFiles(await nodeFolder(`models/${name}`));
    model = await Model.open(files, await createMachine({ threads: 2 }), { activations: "f32" });
    whole = await calibrate(model, WINDOWS.slice(0, 6), { chunk: 2 });
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("survive the file", async () => {
    expect(await reread(whole)).toEqual(whole);
  });

  it("count pairs, maxima and squares as a naive recount of the taps does", async () => {
    const recount = await naive(model, WINDOWS.slice(0, 6));
    for (const { layer, counts } of whole.pairs) expect(counts, `layer ${layer}`).toEqual(recount.pairs.get(layer));
    expect(whole.pairs).toHaveLength(recount.pairs.size);
    for (const input of whole.inputs) {
      const { channelMax, hessianDiagonal, tokens } = recount.inputs.get(`${input.layer}.${input.site}`)!;
      expect(input.channelMax).toEqual(channelMax);
      expect(input.tokens).toEqual(tokens);
      expectClose(input.hessianDiagonal, hessianDiagonal, 1e-12);
    }
    expect(whole.inputs).toHaveLength(recount.inputs.size);
  });

  it("have on the diagonal of pairs what experts were used, and k - 1 others beside each", () => {
    const { experts, topK } = model.config;
    for (const { layer, counts } of whole.pairs)
      for (const use of whole.experts.filter((entry) => entry.layer === layer)) {
        expect(counts[use.expert * experts + use.expert]).toBe(use.tokens);
        const row = counts.subarray(use.expert * experts, (use.expert + 1) * experts);
        expect(row.reduce((sum, count) => sum + count)).toBe(topK * use.tokens);
      }
  });

  it("of two halves add up to the whole", async () => {
    const halves = [WINDOWS.slice(0, 3), WINDOWS.slice(3, 6)].map((windows) => calibrate(model, windows));
    const merged = mergeStatistics(await reread(await halves[0]), await reread(await halves[1]));
    expectSame(merged, whole);
    expect(merged.tokenHashes).toHaveLength(2);
    expect(() => mergeStatistics(merged, merged)).toThrow("the same tokens in both");
    expect(() => mergeStatistics(whole, { ...merged, modelHash: "0" })).toThrow(UsageError);
    expect(() => mergeStatistics(whole, { ...merged, distances: [] })).toThrow("distances in one run only");
  });

  it("are equal to the bit when a run is stopped and goes on", async () => {
    const windows = WINDOWS.slice(0, 6);
    const kept: Uint8Array[] = [];
    const onChunk = async (partial: PartialStatistics) => {
      kept.push(await bytesOf((file) => writePartialStatistics(file, partial)));
    };
    expect(await calibrate(model, windows, { chunk: 2, onChunk })).toEqual(whole);
    expect(kept).toHaveLength(2);
    for (const bytes of kept) {
      const resume = await readPartialStatistics(bytesSource("partial", bytes));
      expect(await calibrate(model, windows, { chunk: 2, resume })).toEqual(whole);
    }
    const resume = await readPartialStatistics(bytesSource("partial", kept[0]));
    const again = (changed: object, others: Windows = windows) =>
      calibrate(model, others, { chunk: 2, resume, ...changed });
    await expect(again({}, WINDOWS.slice(1, 6))).rejects.toThrow("a run over other tokens");
    await expect(again({ hessians: true })).rejects.toThrow("a run without whole Hessians");
    await expect(again({ chunk: 3 })).rejects.toThrow("in chunks of 2 windows");
    const foreign = { ...resume, identity: { ...resume.identity, model: "0" } };
    await expect(again({ resume: foreign })).rejects.toThrow("a run of another model");
    await expect(readStatistics(bytesSource("partial", kept[0]))).rejects.toThrow("--resume");
  });

  it("hold whole Hessians on request, with the diagonal of the others", async () => {
    const found = await reread(await calibrate(model, WINDOWS.slice(0, 2), { chunk: 1, hessians: true }));
    for (const { experts, cols, hessian, hessianDiagonal } of found.inputs) {
      const triangles: Float64Array[] = [];
      for (let row = 0; row < experts; row++) triangles.push((await hessian?.of(row)) as Float64Array);
      const diagonal = Float64Array.from({ length: experts * cols }, (_, at) => {
        const [row, col] = [Math.floor(at / cols), at % cols];
        return triangles[row][(col * (col + 3)) / 2];
      });
      expectClose(diagonal, hessianDiagonal, 1e-5);
    }
  });

  it("keep whole Hessians in files, to the same bits as in memory, and remove those that were written", async () => {
    const windows = WINDOWS.slice(0, 6);
    const run = { chunk: 2, hessians: true };
    const expected = await bytesOf(async (file) => writeStatistics(file, await calibrate(model, windows, run)));
    const work = memoryWorkFolder();
    const seen: number[] = [];
    const onChunk = async (partial: PartialStatistics) => {
      seen.push((await work.list()).length);
      return reread(partial.statistics);
    };
    const found = await calibrate(model, windows, { ...run, work, onChunk });
    const sites = found.inputs.length;
    expect(seen).toEqual([sites, sites]);
    expect(await work.list()).toHaveLength(sites);
    expect(Buffer.compare(await bytesOf((file) => writeStatistics(file, found)), expected)).toBe(0);
    await removeTriangles(work);
    expect(await work.list()).toEqual([]);
    await expect(found.inputs[0].hessian?.of(0)).rejects.toThrow("found no such file, expected Hessians");
  });

  it("find the input of every linear", () => {
    for (const linear of model.files.linears) {
      if (linear.role === "embedding" || linear.role === "head") continue;
      const { input, row } = inputOf(whole, linear)!;
      expect(input.cols).toBe(linear.cols);
      expect(row).toBeLessThan(input.experts);
      expect(input.tokens[row]).toBe(
        linear.role === "expert"
          ? whole.experts.find((use) => use.layer === linear.layer && use.expert === linear.expert)?.tokens
          : whole.tokens,
      );
    }
  });

  const path = sharedFile(`fixtures/eval/${name}/outlier-scores.json`);
  it.skipIf(path === undefined)("have the outlier scores computed elsewhere", () => {
    const expected = JSON.parse(readFileSync(path as string, "utf8")) as Record<string, { outlier: number }>;
    expect(whole.linears).toHaveLength(Object.values(model.files.linears).filter(isPlanned).length);
    for (const linear of whole.linears) {
      const { outlier } = expected[linear.name.replace(/^model\./, "")];
      expect(Math.abs(linear.outlier / outlier - 1), linear.name).toBeLessThan(1e-5);
    }
  });
});

function isPlanned({ role }: { readonly role: string }): boolean {
  return !["embedding", "head", "router"].includes(role);
}

function expectClose(found: Float64Array, expected: Float64Array, tolerance: number): void {
  const largest = found.reduce((most, value, at) => {
    return Math.max(most, Math.abs(value - expected[at]) / (Math.abs(expected[at]) + Number.MIN_VALUE));
  }, 0);
  expect(found).toHaveLength(expected.length);
  expect(largest).toBeLessThan(tolerance);
}

/** Counts and maxima to the bit, means up to the rounding of sums in another order. */
function expectSame(found: Statistics, expected: Statistics): void {
  expect(found.tokens).toBe(expected.tokens);
  expect(found.windows).toBe(expected.windows);
  expect(found.pairs).toEqual(expected.pairs);
  expect(found.starved).toEqual(expected.starved);
  expect(found.experts.map((use) => use.tokens)).toEqual(expected.experts.map((use) => use.tokens));
  found.experts.forEach(({ gateSum }, i) => {
    expect(gateSum).toBeCloseTo(expected.experts[i].gateSum, 8);
  });
  found.blocks.forEach(({ cosine, cosineModule }, i) => {
    expect(cosine).toBeCloseTo(expected.blocks[i].cosine, 12);
    expect(cosineModule).toBeCloseTo(expected.blocks[i].cosineModule, 12);
  });
  found.inputs.forEach((input, i) => {
    expect(input.channelMax).toEqual(expected.inputs[i].channelMax);
    expectClose(input.hessianDiagonal, expected.inputs[i].hessianDiagonal, 1e-12);
  });
}

interface Recount {
  readonly pairs: Map<number, Float64Array>;
  readonly inputs: Map<string, Pick<InputStatistics, "tokens" | "channelMax" | "hessianDiagonal">>;
}

/** The same, token by token, all windows in one batch. */
async function naive(model: Model, windows: Windows): Promise<Recount> {
  const { machine, config } = model;
  const recount: Recount = { pairs: new Map(), inputs: new Map() };
  using batch = new WindowBatch(model, windows);
  const read = ({ ptr, ld, cols }: Tap["input"], row: number) => machine.arena.f32(ptr + row * ld * 4, cols);
  await batch.run(new Turns(), (tap) => {
    if (tap.linears.length === 0) return;
    const experts = tap.spans === undefined ? 1 : config.experts;
    const { cols } = tap.input;
    const sums = new Float64Array(experts * cols);
    const channelMax = new Float32Array(experts * cols);
    const tokens = new Float64Array(experts);
    const see = (expert: number, row: Float32Array) => {
      tokens[expert]++;
      row.forEach((value, col) => {
        sums[expert * cols + col] += value ** 2;
        channelMax[expert * cols + col] = Math.max(channelMax[expert * cols + col], Math.abs(value));
      });
    };
    const routes = batch.state.routes[tap.layer];
    const { topK } = config;
    const chosen = machine.arena.i32(routes.experts, batch.tokens * topK);
    const places = machine.arena.i32(routes.place, batch.tokens * topK);
    for (let token = 0; token < batch.tokens; token++)
      if (tap.spans === undefined) see(0, read(tap.input, token));
      else
        for (let choice = token * topK; choice < (token + 1) * topK; choice++)
          see(chosen[choice], read(tap.input, tap.site === "experts" ? token : places[choice]));
    const hessianDiagonal = sums.map((sum, at) => {
      const count = tokens[Math.floor(at / cols)];
      return count === 0 ? 0 : (2 * sum) / count;
    });
    recount.inputs.set(`${tap.layer}.${tap.site}`, { tokens, channelMax, hessianDiagonal });
    if (tap.site !== "experts") return;
    const pairs = new Float64Array(experts * experts);
    for (let token = 0; token < batch.tokens; token++)
      for (const a of chosen.subarray(token * topK, (token + 1) * topK))
        for (const b of chosen.subarray(token * topK, (token + 1) * topK)) pairs[a * experts + b]++;
    recount.pairs.set(tap.layer, pairs);
  });
  return recount;
}
