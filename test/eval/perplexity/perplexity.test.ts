import { readFileSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { perplexity } from "../../../src/eval/perplexity/perplexity.ts";
import { protocolSequences } from "../../../src/eval/scoring/protocols.ts";
import { type LanguageModel, loadModel } from "../../../src/index.ts";

const read = (name: string) => JSON.parse(readFileSync(`test/fixtures/eval/${name}.json`, "utf8")) as never;
const IDS = read("tinystories-ids") as number[];
const EXPECTED = read("expected") as Record<string, { windowNllSums512: number[]; stridedNllSums512: number[] }>;
const total = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0);

describe.each(["fable-mixtral", "fable-deepseek"])("perplexity of %s", (name) => {
  let model: LanguageModel;
  beforeAll(async () => {
    model = await loadModel(`models/${name}`);
  });
  afterAll(() => model[Symbol.asyncDispose]());

  it("agrees with another program's windows of 512, to 1e-6 a token", async () => {
    const sums = EXPECTED[name].windowNllSums512;
    const found = await perplexity(model, IDS, { window: 512 });
    expect(found).toMatchObject({ protocol: "windows", windows: 8, scoredTokens: 8 * 511 });
    expect(Math.abs(found.nll - total(sums) / found.scoredTokens)).toBeLessThan(1e-6);
    expect(found.nllWindows).toHaveLength(8);
    found.nllWindows.forEach((nll, i) => {
      expect(Math.abs(nll - sums[i] / 511)).toBeLessThan(1e-6);
    });
  });

  it("agrees with another program's overlapping windows, to 1e-6 a token", async () => {
    const sums = EXPECTED[name].stridedNllSums512;
    const found = await perplexity(model, IDS, { window: 512, protocol: "strided", stride: 256 });
    expect(found).toMatchObject({ protocol: "strided", windows: 15, scoredTokens: 4095 });
    expect(Math.abs(found.nll - total(sums) / found.scoredTokens)).toBeLessThan(1e-6);
    expect(found.perplexityStdErr).toBeCloseTo(found.perplexity * found.nllStdErr, 12);
  });

  /** -ln p of the targets of a window from its logits, one softmax after the other. */
  async function losses(ids: readonly number[], targets: readonly number[]): Promise<number[]> {
    const { data, vocab } = await model.logits(ids);
    return targets.map((target, i) => {
      const row = Array.from(data.subarray((ids.length - targets.length + i) * vocab).subarray(0, vocab));
      const most = Math.max(...row);
      return most + Math.log(total(row.map((value) => Math.exp(value - most)))) - row[target];
    });
  }

  it("scores the second half of llama.cpp's windows", async () => {
    const found = await perplexity(model, IDS, { protocol: "llama.cpp", window: 32, limit: 100 });
    const windows = [0, 32, 64].map((start) => IDS.slice(start, start + 32));
    const expected = await Promise.all(windows.map((ids) => losses(ids.slice(0, 31), ids.slice(17))));
    expect(found).toMatchObject({ windows: 3, scoredTokens: 45 });
    expect(Math.abs(found.nll - total(expected.flat()) / 45)).toBeLessThan(1e-9);
  });

  it("keeps to a smaller context when told, and to none that the model lacks", async () => {
    await expect(perplexity(model, IDS, { window: 65, context: 64 })).rejects.toThrow("window: found 65");
    await expect(perplexity(model, IDS, { context: 513 })).rejects.toThrow("context: found 513");
  });

  it("scores every id when rolling, the first after the start id", async () => {
    const found = await perplexity(model, IDS.slice(1), { protocol: "rolling", window: 16, limit: 40 });
    const stream = IDS.slice(0, 41); // begins with the start id, 0
    const expected = [
      await losses(stream.slice(0, 16), stream.slice(1, 17)),
      await losses(stream.slice(16, 32), stream.slice(17, 33)),
      await losses(stream.slice(24, 40), stream.slice(33, 41)),
    ].flat();
    expect(found).toMatchObject({ windows: 3, scoredTokens: 40 });
    expect(Math.abs(found.nll - total(expected) / 40)).toBeLessThan(1e-9);
  });
});

describe("protocolSequences", () => {
  const context = { maxPositions: 8, bosId: undefined, startId: 99 };
  const ids = Array.from({ length: 11 }, (_, i) => i + 10);
  const cut = (options: Parameters<typeof protocolSequences>[1], more = {}) =>
    protocolSequences(ids, options, { ...context, ...more }).map(({ ids, first, targets }) => [
      Array.from(ids),
      first,
      Array.from(targets),
    ]);

  it("drops the last incomplete window, after the limit", () => {
    const two = [
      [[10, 11, 12], 0, [11, 12, 13]],
      [[14, 15, 16], 0, [15, 16, 17]],
    ];
    expect(cut({ window: 4 })).toEqual(two);
    expect(cut({ window: 4, limit: 7 })).toEqual(two.slice(0, 1));
  });

  it("scores each id once in the first strided window that holds it", () => {
    expect(cut({ protocol: "strided", window: 6, stride: 4 })).toEqual([
      [[10, 11, 12, 13, 14], 0, [11, 12, 13, 14, 15]],
      [[14, 15, 16, 17, 18], 1, [16, 17, 18, 19]],
      [[18, 19], 1, [20]],
    ]);
    const apart = cut({ protocol: "strided", window: 5, stride: 5 });
    expect(apart.map(([, , targets]) => targets)).toEqual([
      [11, 12, 13, 14],
      [16, 17, 18, 19],
    ]);
  });

  it("puts BOS first in llama.cpp's windows where the tokenizer adds one", () => {
    expect(cut({ protocol: "llama.cpp", window: 5 })).toEqual([
      [[10, 11, 12, 13], 2, [13, 14]],
      [[15, 16, 17, 18], 2, [18, 19]],
    ]);
    expect(cut({ protocol: "llama.cpp", window: 5 }, { bosId: 1 })[1]).toEqual([[1, 16, 17, 18], 2, [18, 19]]);
  });

  it("begins with the start id and reaches back at the end when rolling", () => {
    expect(cut({ protocol: "rolling", window: 8 })).toEqual([
      [[99, 10, 11, 12, 13, 14, 15, 16], 0, [10, 11, 12, 13, 14, 15, 16, 17]],
      [[12, 13, 14, 15, 16, 17, 18, 19], 5, [18, 19, 20]],
    ]);
  });

  it("does not score the start id that a stream of documents begins with", () => {
    const [first] = protocolSequences([99, 10, 11], { protocol: "rolling", window: 8 }, context);
    expect(first).toMatchObject({ ids: [99, 10], first: 0, targets: [10, 11] });
  });

  it("refuses what cannot be scored", () => {
    expect(() => cut({ window: 9 })).toThrow("window: found 9, expected an integer from 2 to 8, the model's context");
    expect(() => cut({ protocol: "strided", stride: 0 })).toThrow("stride: found 0");
    expect(() => cut({ protocol: "llama.cpp", window: 2 })).toThrow("window: found 2, expected an integer from 3");
    expect(() => cut({ limit: 0 })).toThrow("limit: found 0");
    expect(() => cut({ protocol: "rolling" }, { startId: undefined })).toThrow("protocol: found rolling");
    expect(() => cut({ window: 8, limit: 4 })).toThrow("text: found 4 tokens, expected at least one window of 8");
  });
});
